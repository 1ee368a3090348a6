// Handles of an open file, as the kernel's IDR gives them out.
#include "tests/loopback/client/buffer.h"

#include <gtest/gtest.h>

namespace viaduct::loopback {
namespace {

BufferPtr buffer_of(uint32_t resource_id) {
    auto buffer = std::make_shared<Buffer>();
    buffer->resource_id = ResourceId(resource_id);
    buffer->size = 4096;
    return buffer;
}

TEST(BufferTable, TheLowestFreeHandleIsNext) {
    BufferTable table;
    for (uint32_t handle = 1; handle <= 5; ++handle)
        EXPECT_EQ(table.add(buffer_of(100 + handle)), handle);
    for (const uint32_t handle : {4u, 2u}) EXPECT_NE(table.remove(handle), nullptr);
    EXPECT_EQ(table.remove(2), nullptr);
    EXPECT_EQ(table.add(buffer_of(200)), 2u);
    EXPECT_EQ(table.add(buffer_of(201)), 4u);
    EXPECT_EQ(table.add(buffer_of(202)), 6u);
}

TEST(BufferTable, WhatIsRemovedIsFoundNowhere) {
    BufferTable table;
    const BufferPtr buffer = buffer_of(7);
    const uint32_t handle = table.add(buffer);
    table.add(buffer_of(8));
    EXPECT_EQ(table.find_by_offset(buffer->mmap_offset), buffer);
    EXPECT_EQ(table.handle_of_resource(ResourceId(7)), handle);
    EXPECT_EQ(table.remove(handle), buffer);
    EXPECT_EQ(table.find(handle), nullptr);
    EXPECT_EQ(table.find_by_offset(buffer->mmap_offset), nullptr);
    EXPECT_EQ(table.handle_of_resource(ResourceId(7)), 0u);
    EXPECT_NE(table.handle_of_resource(ResourceId(8)), 0u);
}

}  // namespace
}  // namespace viaduct::loopback
