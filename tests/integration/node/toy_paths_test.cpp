// The toy device as an ordinary program sees it once preloaded: names and places.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/integration/node/toy_nodes.h"
#include "tests/integration/node/toy_uapi.h"

namespace toy {
namespace {

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

}  // namespace
}  // namespace toy
