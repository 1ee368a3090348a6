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
        EXPECT_EQ(table.add(buffer_of(100 + handle)), GemHandle(handle));
    for (const uint32_t handle : {4u, 2u}) EXPECT_NE(table.remove(GemHandle(handle)), nullptr);
    EXPECT_EQ(table.remove(GemHandle(2)), nullptr);
    EXPECT_EQ(table.add(buffer_of(200)), GemHandle(2));
    EXPECT_EQ(table.add(buffer_of(201)), GemHandle(4));
    EXPECT_EQ(table.add(buffer_of(202)), GemHandle(6));
}

TEST(BufferTable, WhatIsRemovedIsFoundNowhere) {
    BufferTable table;
    const BufferPtr buffer = buffer_of(7);
    const GemHandle handle = table.add(buffer);
    table.add(buffer_of(8));
    EXPECT_EQ(table.find_by_offset(buffer->mmap_offset), buffer);
    EXPECT_EQ(table.handle_of_resource(ResourceId(7)), handle);
    EXPECT_EQ(table.remove(handle), buffer);
    EXPECT_EQ(table.find(handle), nullptr);
    EXPECT_EQ(table.find_by_offset(buffer->mmap_offset), nullptr);
    EXPECT_EQ(table.handle_of_resource(ResourceId(7)), GemHandle());
    EXPECT_NE(table.handle_of_resource(ResourceId(8)), GemHandle());
}

}  // namespace
}  // namespace viaduct::loopback
