#include "drm-context/device/render_nodes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/unique_fd.h"

namespace viaduct {
namespace {

namespace fs = std::filesystem;

class RenderNodes : public testing::Test {
  protected:
    RenderNodes() : root_(fs::path(testing::TempDir()) / ("nodes-" + std::to_string(::getpid()))) {
        fs::create_directories(root_);
    }
    ~RenderNodes() override { fs::remove_all(root_); }

    void file(const std::string& path) {
        fs::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << "";
    }
    /// A device of that bus with these nodes, as sysfs shows it.
    void device(const std::string& bus, const std::string& address, const std::string& driver,
                std::initializer_list<const char*> nodes) {
        const fs::path at = root_ / "sys/devices" / address;
        fs::create_directories(at / "drm");
        fs::create_directories(root_ / "sys/class/drm");
        fs::create_symlink("../../bus/" + bus, at / "subsystem");
        fs::create_symlink("../../bus/" + bus + "/drivers/" + driver, at / "driver");
        for (const std::string node : nodes) {
            fs::create_directories(at / "drm" / node);
            fs::create_symlink("../../../" + address, at / "drm" / node / "device");
            fs::create_symlink("../../devices/" + address + "/drm/" + node,
                               root_ / "sys/class/drm" / node);
        }
    }

    const fs::path root_;
};

TEST_F(RenderNodes, AreFoundInTheOrderOfTheirNumbersAlsoAbove191) {
    for (const char* name : {"renderD1024", "renderD128", "renderD191", "renderD192", "renderD99",
                             "card0", "renderD", "renderD12x", "by-path"})
        file(std::string("dev/dri/") + name);
    EXPECT_EQ(render_nodes(root_),
              (std::vector<std::string>{"/dev/dri/renderD99", "/dev/dri/renderD128",
                                        "/dev/dri/renderD191", "/dev/dri/renderD192",
                                        "/dev/dri/renderD1024"}));
}

TEST_F(RenderNodes, NoneOnAnEmptyHost) {
    EXPECT_TRUE(render_nodes(root_).empty());
}

TEST_F(RenderNodes, AreFoundInAHiddenDirectory) {
    constexpr uid_t kNobody = 65534;
    file("dev/dri/renderD128");
    // May be passed through, not listed; nothing is hidden from root.
    fs::permissions(root_ / "dev/dri",
                    fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec);
    const uid_t user = ::geteuid();
    ASSERT_EQ(::seteuid(user == 0 ? kNobody : user), 0);
    std::error_code error;
    EXPECT_EQ(fs::directory_iterator(root_ / "dev/dri", error), fs::directory_iterator());
    EXPECT_TRUE(error);
    EXPECT_EQ(render_nodes(root_), std::vector<std::string>{"/dev/dri/renderD128"});
    ASSERT_EQ(::seteuid(user), 0);
    fs::permissions(root_ / "dev/dri", fs::perms::owner_all);
}

TEST_F(RenderNodes, ThePrimaryNodesGpuHasThisRenderNode) {
    device("pci", "0000:03:00.0", "amdgpu", {"card1", "renderD129"});
    device("pci", "0000:04:00.0", "ast", {"card0"});
    EXPECT_EQ(render_node_of("/dev/dri/card1", root_), "/dev/dri/renderD129");
    EXPECT_EQ(render_node_of("/dev/dri/renderD129", root_), "/dev/dri/renderD129");
    EXPECT_EQ(render_node_of("/dev/dri/card0", root_), "") << "a card that only shows pictures";
    EXPECT_EQ(render_node_of("/dev/dri/card7", root_), "");
}

TEST_F(RenderNodes, APciDevicesDriverAndAddress) {
    device("pci", "0000:03:00.0", "amdgpu", {"renderD128"});
    EXPECT_EQ(pci_driver("/dev/dri/renderD128", root_), "amdgpu");
    EXPECT_EQ(pci_address("/dev/dri/renderD128", root_), "0000:03:00.0");
    EXPECT_EQ(pci_driver("/dev/dri/renderD129", root_), "");
}

// The platform driver of an Adreno is not called msm: its name decides nothing.
TEST_F(RenderNodes, OtherBusesHaveNoPciDriver) {
    device("platform", "5000000.gpu", "adreno", {"renderD128"});
    EXPECT_EQ(pci_driver("/dev/dri/renderD128", root_), "");
    EXPECT_EQ(pci_address("/dev/dri/renderD128", root_), "");
}

TEST(SameNode, ByDeviceNumberAndOnlyForDevices) {
    EXPECT_TRUE(same_node("/dev/null", "/dev/null"));
    EXPECT_TRUE(same_node("/dev/null", "/proc/self/root/dev/null"));
    EXPECT_FALSE(same_node("/dev/null", "/dev/zero"));
    EXPECT_FALSE(same_node("/dev/null", ""));
    EXPECT_FALSE(same_node("/bin", "/usr")) << "their device numbers are both 0";
}

TEST(PathOf, AnOpenDescriptor) {
    const UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(path_of(fd.get()), "/dev/null");
    EXPECT_EQ(path_of(-1), "");
}

}  // namespace
}  // namespace viaduct
