#include "blob/foreign_memory.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>

#include "blob/memfd.h"
#include "blob/unique_fd.h"

namespace viaduct {
namespace {

UniqueFd memfd(unsigned flags, int seals) {
    UniqueFd fd(::memfd_create("test", MFD_CLOEXEC | flags));
    EXPECT_EQ(::ftruncate(fd.get(), 8192), 0);
    if (seals) {
        EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, seals), 0);
    }
    return fd;
}

TEST(CheckMappable, ASealedMemfdWithinItsSize) {
    const auto fd = create_sealed_memfd("test", 5000).value();
    EXPECT_TRUE(check_mappable(fd.get(), 0, 5000));
    EXPECT_TRUE(check_mappable(fd.get(), 4096, 4096)) << "the last page is whole";
    EXPECT_TRUE(check_mappable(fd.get(), 8192, 0));
    struct Case {
        uint64_t offset, size;
    };
    for (const Case& c : {Case{0, 8193}, Case{4096, 4097}, Case{8193, 0}, Case{UINT64_MAX, 1},
                          Case{1, UINT64_MAX}, Case{UINT64_MAX, UINT64_MAX}}) {
        const auto status = check_mappable(fd.get(), c.offset, c.size);
        ASSERT_FALSE(status) << c.offset << " + " << c.size;
        EXPECT_EQ(status.error().code, EINVAL);
    }
}

TEST(CheckMappable, GrowingIsHarmless) {
    EXPECT_TRUE(check_mappable(memfd(MFD_ALLOW_SEALING, F_SEAL_SHRINK).get(), 0, 8192));
}

TEST(CheckMappable, WhatCanShrinkIsRefused) {
    EXPECT_FALSE(check_mappable(memfd(0, 0).get(), 0, 4096)) << "never to be sealed";
    EXPECT_FALSE(check_mappable(memfd(MFD_ALLOW_SEALING, 0).get(), 0, 4096)) << "not sealed yet";
    EXPECT_FALSE(check_mappable(memfd(MFD_ALLOW_SEALING, F_SEAL_GROW).get(), 0, 4096));
    std::FILE* file = std::tmpfile();
    ASSERT_TRUE(file);
    EXPECT_FALSE(check_mappable(::fileno(file), 0, 0));
    std::fclose(file);
}

TEST(CheckMappable, WhatIsNoMemoryIsRefused) {
    const UniqueFd event(::eventfd(0, EFD_CLOEXEC)), null(::open("/dev/null", O_RDWR));
    for (const int fd : {-1, event.get(), null.get()}) EXPECT_FALSE(check_mappable(fd, 0, 0)) << fd;
}

}  // namespace
}  // namespace viaduct
