// An ordinary program that opens the toy device, which is preloaded into it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "tests/integration/node/toy_nodes.h"
#include "tests/integration/node/toy_uapi.h"

namespace toy {
namespace {

TEST(Ioctl, ErrorsComeThroughErrno) {
    const UniqueFd fd = open_node();
    errno = 0;
    EXPECT_EQ(::ioctl(fd.get(), TOY_IOCTL_FAIL), -1);
    EXPECT_EQ(errno, ETOOMANYREFS);
    EXPECT_FALSE(is_toy(-1));
    EXPECT_EQ(errno, EBADF);
}

TEST(Descriptors, CopiesShareOneFile) {
    const uint32_t before = state_of(open_node().get()).live_files;
    UniqueFd fd = open_node();
    EXPECT_EQ(state_of(fd.get()).calls, 1u);
    UniqueFd copies[] = {
        UniqueFd(::dup(fd.get())),
        UniqueFd(::fcntl(fd.get(), F_DUPFD, 50)),
        UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 60)),
        UniqueFd(::dup2(fd.get(), 70)),
        UniqueFd(::dup3(fd.get(), 71, O_CLOEXEC)),
        UniqueFd(::dup2(fd.get(), 70'000 < ::getdtablesize() ? 70'000 : 72)),
    };
    fd.reset();
    uint32_t calls = 1;
    for (UniqueFd& copy : copies) {
        const toy_state state = state_of(copy.get());
        EXPECT_EQ(state.calls, ++calls);
        EXPECT_EQ(state.live_files, before);
        copy.reset();
    }
    EXPECT_EQ(state_of(open_node().get()).live_files, before);
}

TEST(Descriptors, ACopyMadeBehindTheToolkitsBackIsOfTheSameFile) {
    const UniqueFd fd = open_node();
    if (::syscall(SYS_kcmp, ::getpid(), ::getpid(), 0 /* KCMP_FILE */, fd.get(), fd.get()) != 0)
        GTEST_SKIP() << "this kernel does not compare descriptors";
    EXPECT_EQ(state_of(fd.get()).calls, 1u);
    const auto raw_copy = [&] { return UniqueFd(static_cast<int>(::syscall(SYS_dup, fd.get()))); };
    // As one that came over a socket within the process: known by the first use, whichever it is.
    const UniqueFd called = raw_copy();
    EXPECT_EQ(state_of(called.get()).calls, 2u);
    const UniqueFd mapped = raw_copy();
    void* const address = ::mmap(nullptr, 100, PROT_READ, MAP_SHARED, mapped.get(), TOY_MAP_OFFSET);
    ASSERT_NE(address, MAP_FAILED);
    ::munmap(address, 100);
    EXPECT_EQ(state_of(mapped.get()).calls, 3u);
}

TEST(Descriptors, ANumberTakenOverIsNoLongerOurs) {
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const bool by_dup2 : {true, false}) {
        const UniqueFd fd = open_node();
        if (by_dup2) {
            ASSERT_EQ(::dup2(null.get(), fd.get()), fd.get());
        } else {
            // Behind the toolkit's back.
            ASSERT_EQ(::syscall(SYS_dup3, null.get(), fd.get(), O_CLOEXEC), fd.get());
        }
        EXPECT_FALSE(is_toy(fd.get()));
        EXPECT_EQ(errno, ENOTTY);
        struct stat st = {};
        ASSERT_EQ(::fstat(fd.get(), &st), 0);
        EXPECT_EQ(st.st_rdev, ::makedev(1, 3));
    }
}

TEST(Descriptors, CloseRangeDropsFiles) {
    const uint32_t before = state_of(open_node().get()).live_files;
    const UniqueFd fd = open_node();
    const int high = ::fcntl(fd.get(), F_DUPFD, 200);
    UniqueFd other(::open(render_node().c_str(), O_RDWR));
    const int other_high = ::dup2(other.release(), high + 1);
    ASSERT_EQ(::close_range(static_cast<unsigned>(high), static_cast<unsigned>(other_high), 0), 0);
    EXPECT_FALSE(is_toy(other_high));
    EXPECT_TRUE(is_toy(fd.get()));
    EXPECT_GE(state_of(fd.get()).live_files, before);
}

TEST(Close, EachCloseOfADescriptorFlushesTheFile) {
    const UniqueFd fd = open_node();
    uint32_t flushes = 0;
    EXPECT_EQ(state_of(fd.get()).flushes, flushes);
    UniqueFd(::dup(fd.get())).reset();
    EXPECT_EQ(state_of(fd.get()).flushes, ++flushes) << "close";
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const UniqueFd covered(::dup(fd.get()));
    ASSERT_EQ(::dup2(null.get(), covered.get()), covered.get());
    EXPECT_EQ(state_of(fd.get()).flushes, ++flushes) << "dup2 over it";
    const UniqueFd twice(::dup(fd.get()));
    ASSERT_EQ(::dup3(fd.get(), twice.get(), O_CLOEXEC), twice.get());
    EXPECT_EQ(state_of(fd.get()).flushes, ++flushes) << "dup3 over it, with itself";
    const auto high = static_cast<unsigned>(::fcntl(fd.get(), F_DUPFD, 300));
    ASSERT_EQ(::dup2(fd.get(), static_cast<int>(high + 1)), static_cast<int>(high + 1));
    ASSERT_EQ(::close_range(high, high + 1, 0), 0);
    flushes += 2;
    EXPECT_EQ(state_of(fd.get()).flushes, flushes) << "close_range";
    ::munmap(::mmap(nullptr, 100, PROT_READ, MAP_SHARED, fd.get(), TOY_MAP_OFFSET), 100);
    EXPECT_EQ(state_of(fd.get()).flushes, flushes) << "an end of a mapping is none";
}

TEST(Close, WhatIsOpenAtExitIsFlushedThen) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    UniqueFd reader(ends[0]), writer(ends[1]);
    const pid_t child = ::fork();
    if (child == 0) {
        ::setenv("TOY_EXIT_FD", std::to_string(writer.get()).c_str(), 1);
        UniqueFd fd = open_node();
        (void)!::dup(fd.release());
        std::exit(0);
    }
    ::waitpid(child, nullptr, 0);
    writer.reset();
    char flushes[8];
    EXPECT_EQ(::read(reader.get(), flushes, sizeof flushes), 2) << "once for each descriptor";
}

TEST(Close, AMappingKeepsTheFileOpen) {
    const auto live_files = [] { return state_of(open_node().get()).live_files; };
    const uint32_t before = live_files();
    constexpr size_t kPage = 4096;
    UniqueFd fd = open_node();
    void* const address =
        ::mmap(nullptr, TOY_MAP_SIZE, PROT_READ, MAP_SHARED, fd.get(), TOY_MAP_OFFSET);
    ASSERT_NE(address, MAP_FAILED);
    fd.reset();
    EXPECT_EQ(live_files(), before + 1);
    auto* const bytes = static_cast<char*>(address);
    ::munmap(bytes + kPage, kPage);
    EXPECT_EQ(live_files(), before + 1) << "a hole in its midst";
    void* const moved = ::mremap(bytes, kPage, kPage, MREMAP_MAYMOVE);
    ASSERT_NE(moved, MAP_FAILED);
    ::munmap(moved, kPage);
    EXPECT_EQ(live_files(), before + 1) << "its last page";
    ASSERT_NE(
        ::mmap(bytes + 2 * kPage, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
        MAP_FAILED);
    EXPECT_EQ(live_files(), before) << "nothing shows it any more";
    ::munmap(bytes + 2 * kPage, kPage);
}

TEST(Mmap, MapsWhatTheDriverNames) {
    const UniqueFd fd = open_node();
    const auto map = [&](size_t size, off_t offset) {
        return ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), offset);
    };
    auto* first = static_cast<char*>(map(TOY_MAP_SIZE, TOY_MAP_OFFSET));
    auto* second = static_cast<char*>(map(100, TOY_MAP_OFFSET));
    ASSERT_NE(first, MAP_FAILED);
    ASSERT_NE(second, MAP_FAILED);
    first[42] = 'x';
    EXPECT_EQ(second[42], 'x');
    errno = 0;
    EXPECT_EQ(map(TOY_MAP_SIZE + 1, TOY_MAP_OFFSET), MAP_FAILED);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(map(100, 0), MAP_FAILED);
    EXPECT_EQ(map(0, TOY_MAP_OFFSET), MAP_FAILED);
    ::munmap(first, TOY_MAP_SIZE);
    ::munmap(second, 100);
}

TEST(Poll, OnlyADriversOwnDescriptorHasEvents) {
    const UniqueFd quiet = open_node();
    const UniqueFd busy = open_node(virtio_node());
    pollfd polled[] = {{quiet.get(), POLLIN, 0}, {busy.get(), POLLIN, 0}};
    ASSERT_EQ(::poll(polled, 2, 0), 1);
    EXPECT_EQ(polled[1].revents, POLLIN);
}

TEST(DmaBuf, MemfdsAnswer) {
    const UniqueFd memory(::memfd_create("buffer", MFD_CLOEXEC));
    dma_buf_sync sync = {.flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW};
    EXPECT_EQ(::ioctl(memory.get(), DMA_BUF_IOCTL_SYNC, &sync), 0);
    sync.flags = 0x80;
    EXPECT_EQ(::ioctl(memory.get(), DMA_BUF_IOCTL_SYNC, &sync), -1);
    EXPECT_EQ(errno, EINVAL);
    dma_buf_export_sync_file exported = {.flags = DMA_BUF_SYNC_READ, .fd = -1};
    ASSERT_EQ(::ioctl(memory.get(), DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &exported), 0);
    const UniqueFd fence(exported.fd);
    pollfd polled = {fence.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&polled, 1, 1000), 1);
    dma_buf_import_sync_file imported = {.flags = DMA_BUF_SYNC_READ, .fd = fence.get()};
    EXPECT_EQ(::ioctl(memory.get(), DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &imported), 0);

    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    EXPECT_EQ(::ioctl(null.get(), DMA_BUF_IOCTL_SYNC, &sync), -1);
    EXPECT_EQ(errno, ENOTTY);
}

}  // namespace
}  // namespace toy
