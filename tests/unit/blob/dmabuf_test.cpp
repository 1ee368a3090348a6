#include "blob/dmabuf.h"

#include <gtest/gtest.h>

#include "blob/memfd.h"

namespace viaduct {
namespace {

// With a real dma-buf: udmabuf_test.cpp.
TEST(Dmabuf, WhatIsNotOneIsAnError) {
    const auto memfd = create_sealed_memfd("test", 4096).value();
    for (const int fd : {-1, memfd.get()}) {
        const int expected = fd < 0 ? EBADF : ENOTTY;
        const Status results[] = {
            begin_cpu_access(fd, BufferAccess::kRead),
            end_cpu_access(fd, BufferAccess::kRead),
            import_sync_file(fd, memfd.get(), BufferAccess::kWrite),
        };
        for (const auto& result : results) {
            ASSERT_FALSE(result);
            EXPECT_EQ(result.error().code, expected) << result.error().message;
        }
        const auto fence = export_sync_file(fd, BufferAccess::kRead);
        ASSERT_FALSE(fence);
        EXPECT_EQ(fence.error().code, expected);
    }
}

}  // namespace
}  // namespace viaduct
