// An ordinary program that looks at the toy device, which is preloaded into it.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "blob/unique_fd.h"
#include "tests/integration/node/toy_uapi.h"

namespace {

using viaduct::UniqueFd;

std::string read_text(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::set<std::string> list(const std::string& path) {
    std::set<std::string> names;
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) return names;
    while (const dirent* entry = ::readdir(directory)) names.insert(entry->d_name);
    ::closedir(directory);
    return names;
}

// The nodes' names depend on what else the machine has.
std::string find_node(const std::string& prefix, const std::string& vendor) {
    for (const std::string& name : list("/sys/class/drm")) {
        if (!name.starts_with(prefix)) continue;
        const std::string device = "/sys/class/drm/" + name + "/device/";
        if (read_text(device + "vendor") == vendor + "\n") return "/dev/dri/" + name;
    }
    return "none";
}

const std::string& render_node() {
    static const std::string path = find_node("renderD", "0x1234");
    return path;
}

const std::string& card_node() {
    static const std::string path = find_node("card", "0x1234");
    return path;
}

const std::string& virtio_node() {
    static const std::string path = find_node("renderD", "0x1af4");
    return path;
}

UniqueFd open_node(const std::string& path = render_node()) {
    return UniqueFd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
}

toy_state state_of(int fd) {
    toy_state state = {};
    EXPECT_EQ(::ioctl(fd, TOY_IOCTL_STATE, &state), 0) << std::strerror(errno);
    return state;
}

bool is_toy(int fd) {
    toy_state state = {};
    return ::ioctl(fd, TOY_IOCTL_STATE, &state) == 0;
}

unsigned minor_in_name(const std::string& path) {
    return static_cast<unsigned>(std::stoul(path.substr(path.find_first_of("0123456789"))));
}

// Runs `body` in a forked child; true if it returned true.
template <typename Body>
bool in_child(Body body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body() ? 0 : 1);
    int status = 0;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(Listing, DirectoriesShowTheNodes) {
    const auto names = list("/dev/dri");
    for (const std::string* path : {&render_node(), &card_node(), &virtio_node()})
        EXPECT_TRUE(names.contains(path->substr(9))) << *path;
    dirent** entries = nullptr;
    const int count = ::scandir("/dev/dri", &entries, nullptr, alphasort);
    ASSERT_EQ(count, static_cast<int>(names.size()));
    for (int i = 0; i < count; ++i) ::free(entries[i]);
    ::free(entries);
}

TEST(Listing, RealDevicesStayBesideThem) {
    DIR* real = nullptr;
    const UniqueFd directory(static_cast<int>(::syscall(
        SYS_openat, AT_FDCWD, "/sys/bus/pci/devices", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    if (!directory || (real = ::fdopendir(::dup(directory.get()))) == nullptr)
        GTEST_SKIP() << "no PCI bus";
    const auto seen = list("/sys/bus/pci/devices");
    while (const dirent* entry = ::readdir(real)) EXPECT_TRUE(seen.contains(entry->d_name));
    ::closedir(real);
}

TEST(Stat, SaysCharacterDevice) {
    const std::string& path = render_node();
    const dev_t expected = ::makedev(226, minor_in_name(path));
    struct stat st = {};
    ASSERT_EQ(::stat(path.c_str(), &st), 0);
    EXPECT_TRUE(S_ISCHR(st.st_mode));
    EXPECT_EQ(st.st_rdev, expected);
    ASSERT_EQ(::lstat(path.c_str(), &st), 0);
    EXPECT_EQ(st.st_rdev, expected);
    ASSERT_EQ(::fstat(open_node().get(), &st), 0);
    EXPECT_EQ(st.st_rdev, expected);
    EXPECT_TRUE(S_ISCHR(st.st_mode));

    struct statx stx = {};
    ASSERT_EQ(::statx(AT_FDCWD, path.c_str(), 0, STATX_BASIC_STATS, &stx), 0);
    EXPECT_TRUE(S_ISCHR(stx.stx_mode));
    EXPECT_EQ(::makedev(stx.stx_rdev_major, stx.stx_rdev_minor), expected);

    const UniqueFd directory(::open("/dev/dri", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(directory);
    ASSERT_EQ(::fstatat(directory.get(), path.substr(9).c_str(), &st, 0), 0);
    EXPECT_EQ(st.st_rdev, expected);
}

TEST(Stat, DriversOwnDescriptorIsAlsoADevice) {
    const UniqueFd fd = open_node(virtio_node());
    ASSERT_TRUE(fd);
    struct stat st = {};
    ASSERT_EQ(::fstat(fd.get(), &st), 0);
    EXPECT_TRUE(S_ISCHR(st.st_mode));
    EXPECT_EQ(st.st_rdev, ::makedev(226, minor_in_name(virtio_node())));
}

TEST(Sysfs, DescribesThePciDevice) {
    const std::string device = "/sys/class/drm/" + render_node().substr(9) + "/device";
    EXPECT_EQ(read_text(device + "/vendor"), "0x1234\n");
    EXPECT_EQ(read_text(device + "/device"), "0x5678\n");
    EXPECT_EQ(read_text(device + "/subsystem_vendor"), "0x1111\n");
    EXPECT_EQ(read_text(device + "/subsystem_device"), "0x2222\n");
    EXPECT_EQ(read_text(device + "/revision"), "0xc7\n");
    EXPECT_NE(read_text(device + "/uevent").find("PCI_ID=1234:5678\n"), std::string::npos);
    EXPECT_NE(read_text(device + "/uevent").find("DRIVER=toy\n"), std::string::npos);
    const std::string config = read_text(device + "/config");
    ASSERT_EQ(config.size(), 256u);
    EXPECT_EQ(config.substr(0, 4), "\x34\x12\x78\x56");
    EXPECT_EQ(static_cast<uint8_t>(config[8]), 0xc7);
    EXPECT_EQ(::access((device + "/drm").c_str(), R_OK), 0);
    EXPECT_NE(::access((device + "/nothing").c_str(), R_OK), 0);
}

TEST(Sysfs, LinksResolveToThePathsOfARealMachine) {
    const std::string entry =
        "/sys/dev/char/226:" + std::to_string(minor_in_name(render_node())) + "/device";
    char resolved[PATH_MAX] = {};
    ASSERT_NE(::realpath(entry.c_str(), resolved), nullptr);
    EXPECT_EQ(std::string(resolved).rfind("/sys/devices/pci0000:", 0), 0u) << resolved;
    const std::string slot = std::strrchr(resolved, '/') + 1;
    EXPECT_NE(read_text(entry + "/uevent").find("PCI_SLOT_NAME=" + slot), std::string::npos);
    char link[PATH_MAX] = {};
    ASSERT_GT(::readlink((entry + "/subsystem").c_str(), link, sizeof link - 1), 0);
    EXPECT_STREQ(std::strrchr(link, '/'), "/pci");

    const std::string virtio =
        "/sys/dev/char/226:" + std::to_string(minor_in_name(virtio_node())) + "/device";
    ASSERT_NE(::realpath(virtio.c_str(), resolved), nullptr);
    EXPECT_STREQ(std::strrchr(resolved, '/'), "/virtio0");
    ASSERT_NE(::realpath((virtio + "/subsystem").c_str(), resolved), nullptr);
    EXPECT_STREQ(resolved, "/sys/bus/virtio");
}

TEST(Open, EveryWayToTheNodeArrives) {
    const std::string& path = render_node();
    EXPECT_TRUE(is_toy(open_node().get()));
    EXPECT_TRUE(is_toy(open_node("/dev//dri/./" + path.substr(9)).get()));
    const UniqueFd directory(::open("/dev/dri", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    EXPECT_TRUE(
        is_toy(UniqueFd(::openat(directory.get(), path.substr(9).c_str(), O_RDONLY)).get()));
    int by_path = 0;
    for (const std::string& name : list("/dev/dri/by-path")) {
        const std::string link = "/dev/dri/by-path/" + name;
        char resolved[PATH_MAX] = {};
        if (::realpath(link.c_str(), resolved) == nullptr || resolved != path) continue;
        ++by_path;
        EXPECT_TRUE(is_toy(open_node(link).get())) << name;
    }
    EXPECT_EQ(by_path, 1);
    const UniqueFd first = open_node();
    EXPECT_TRUE(is_toy(open_node("/proc/self/fd/" + std::to_string(first.get())).get()));
    EXPECT_EQ(state_of(first.get()).primary, 0u);
    EXPECT_EQ(state_of(open_node(card_node()).get()).primary, 1u);
}

TEST(Open, FlagsOfTheDescriptorAreTheCallers) {
    const UniqueFd inherited(::open(render_node().c_str(), O_RDWR));
    EXPECT_EQ(::fcntl(inherited.get(), F_GETFD), 0);
    for (const std::string& path : {render_node(), virtio_node()})
        EXPECT_EQ(::fcntl(open_node(path).get(), F_GETFD), FD_CLOEXEC) << path;
}

TEST(Open, ReportsTheDriversError) {
    ::setenv("TOY_REFUSES", "1", 1);
    errno = 0;
    EXPECT_FALSE(open_node());
    EXPECT_EQ(errno, ENOMEM);
    ::unsetenv("TOY_REFUSES");
}

TEST(Open, OtherPathsAreUntouched) {
    errno = 0;
    EXPECT_LT(::open("/dev/dri/renderD999", O_RDWR), 0);
    EXPECT_EQ(errno, ENOENT);
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    errno = 0;
    EXPECT_FALSE(is_toy(null.get()));
    EXPECT_EQ(errno, ENOTTY);
}

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

TEST(Proc, ShowsTheNode) {
    for (const std::string& path : {render_node(), virtio_node()}) {
        const UniqueFd fd = open_node(path);
        const std::string number = std::to_string(fd.get());
        EXPECT_NE(read_text("/proc/self/fdinfo/" + number).find("\ndrm-driver:\ttoy\n"),
                  std::string::npos);
        char link[PATH_MAX] = {};
        ASSERT_GT(::readlink(("/proc/self/fd/" + number).c_str(), link, sizeof link - 1), 0);
        EXPECT_EQ(link, path);
        const std::string by_process = "/proc/" + std::to_string(::getpid()) + "/fd/" + number;
        ASSERT_GT(::readlink(by_process.c_str(), link, sizeof link - 1), 0);
        EXPECT_EQ(link, path);
        struct stat st = {};
        ASSERT_EQ(::stat(render_node().c_str(), &st), 0);
    }
}

TEST(Fork, ChildStartsAfresh) {
    const UniqueFd fd = open_node();
    ASSERT_EQ(state_of(fd.get()).calls, 1u);
    EXPECT_TRUE(
        in_child([&] { return state_of(fd.get()).calls == 1 && is_toy(open_node().get()); }));
    EXPECT_EQ(state_of(fd.get()).calls, 2u);
}

TEST(Fork, VforkedChildLeavesTheParentAlone) {
    const UniqueFd fd = open_node();
    const pid_t child = ::vfork();
    if (child == 0) {
        ::close(fd.get());
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(is_toy(fd.get()));
}

// The second half of Exec.InheritedDescriptorWorks, in the program that was executed.
TEST(Exec, ChildSide) {
    const char* number = ::getenv("TOY_INHERITED");
    if (number == nullptr) GTEST_SKIP() << "run by InheritedDescriptorWorks";
    struct stat st = {};
    ASSERT_EQ(::fstat(std::stoi(number), &st), 0);
    EXPECT_TRUE(S_ISCHR(st.st_mode));
    EXPECT_EQ(state_of(std::stoi(number)).calls, 1u);
    EXPECT_EQ(state_of(std::stoi(number)).calls, 2u);
}

TEST(Exec, InheritedDescriptorWorks) {
    const UniqueFd fd(::open(render_node().c_str(), O_RDWR));
    ASSERT_EQ(state_of(fd.get()).calls, 1u);
    const pid_t child = ::fork();
    if (child == 0) {
        ::setenv("TOY_INHERITED", std::to_string(fd.get()).c_str(), 1);
        ::execl("/proc/self/exe", "test", "--gtest_filter=Exec.ChildSide", nullptr);
        ::_exit(127);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST(Threads, OpenTalkAndCloseAtOnce) {
    const uint32_t before = state_of(open_node().get()).live_files;
    const UniqueFd shared = open_node();
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int round = 0; round < 200; ++round) {
                const UniqueFd own = open_node();
                const UniqueFd copy(::dup(shared.get()));
                EXPECT_TRUE(is_toy(own.get()) && is_toy(copy.get()) && is_toy(shared.get()));
            }
        });
    }
    threads.clear();
    EXPECT_EQ(state_of(shared.get()).live_files, before);
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
