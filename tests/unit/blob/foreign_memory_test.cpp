#include "blob/foreign_memory.h"

#include <gtest/gtest.h>
#include <linux/udmabuf.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>

#include "base/unique_fd.h"
#include "blob/memfd.h"

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

TEST(CheckDmabuf, WhatIsNotOneIsRefused) {
    const auto sealed = create_sealed_memfd("test", 8192).value();
    const UniqueFd event(::eventfd(0, EFD_CLOEXEC)), null(::open("/dev/null", O_RDWR));
    for (const int fd : {-1, sealed.get(), event.get(), null.get()}) {
        const auto status = check_dmabuf(fd, 0, 0);
        ASSERT_FALSE(status) << fd;
        EXPECT_EQ(status.error().code, EACCES) << fd;
    }
}

// Made of memory where the host has udmabuf.
TEST(CheckDmabuf, OneIsTakenWithinItsSize) {
    const UniqueFd maker(::open("/dev/udmabuf", O_RDWR | O_CLOEXEC));
    if (!maker) GTEST_SKIP() << "/dev/udmabuf cannot be opened";
    const UniqueFd memory = memfd(MFD_ALLOW_SEALING, F_SEAL_SHRINK);
    udmabuf_create create{};
    create.memfd = static_cast<uint32_t>(memory.get());
    create.flags = UDMABUF_FLAGS_CLOEXEC;
    create.size = 8192;
    const UniqueFd dmabuf(::ioctl(maker.get(), UDMABUF_CREATE, &create));
    ASSERT_TRUE(dmabuf);
    EXPECT_TRUE(check_dmabuf(dmabuf.get(), 0, 8192));
    EXPECT_FALSE(check_dmabuf(dmabuf.get(), 0, 12288));
}

}  // namespace
}  // namespace viaduct
