// A second family as a render node: this program is run with it preloaded.
#include <drm.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "base/unique_fd.h"
#include "tests/unit/simgpu/stub/stub_uapi.h"

namespace simgpu::stub {
namespace {

/// The number of the node, by its vendor in sysfs; -1: there is none.
int find_node() {
    constexpr int kFirst = 128, kEnd = 192;
    for (int node = kFirst; node < kEnd; ++node) {
        const std::string device = "/sys/class/drm/renderD" + std::to_string(node) + "/device/";
        unsigned vendor = 0;
        if (std::ifstream(device + "vendor") >> std::hex >> vendor && vendor == kVendor)
            return node;
    }
    return -1;
}

std::string driver_of(int node) {
    char target[256] = {};
    const std::string link = "/sys/class/drm/renderD" + std::to_string(node) + "/device/driver";
    if (::readlink(link.c_str(), target, sizeof(target) - 1) < 0) return std::strerror(errno);
    const std::string text = target;
    return text.substr(text.rfind('/') + 1);
}

TEST(StubNode, ShowsTheRowOfItsChip) {
    const int node = find_node();
    ASSERT_GE(node, 0) << "no render node has the vendor of the stub chip";
    EXPECT_EQ(driver_of(node), "stubgpu");
    const viaduct::UniqueFd fd(
        ::open(("/dev/dri/renderD" + std::to_string(node)).c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(fd) << std::strerror(errno);
    char name[16] = {};
    drm_version version{};
    version.name = name;
    version.name_len = sizeof(name);
    ASSERT_EQ(::ioctl(fd.get(), DRM_IOCTL_VERSION, &version), 0);
    EXPECT_STREQ(name, "stubgpu");
}

TEST(StubNode, MapsItsBuffers) {
    const int node = find_node();
    ASSERT_GE(node, 0);
    const viaduct::UniqueFd fd(
        ::open(("/dev/dri/renderD" + std::to_string(node)).c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(fd) << std::strerror(errno);
    constexpr size_t kPage = 4096;
    Create made{.size = kPage, .mmap_offset = 0, .handle = 0, .pad = 0};
    ASSERT_EQ(::ioctl(fd.get(), kIoctlCreate, &made), 0) << std::strerror(errno);
    void* page = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(),
                        static_cast<off_t>(made.mmap_offset));
    ASSERT_NE(page, MAP_FAILED) << std::strerror(errno);
    std::memset(page, 1, kPage);
    EXPECT_EQ(::munmap(page, kPage), 0);
}

}  // namespace
}  // namespace simgpu::stub
