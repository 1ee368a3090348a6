#include "drm-context/driver/choose_gpu.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace viaduct {
namespace {

const std::vector<std::string> kNodes = {"/sim/renderD128", "/sim/renderD129", "/sim/renderD130"};

/// Looks at nodes without a device: those listed fit.
class FakeNodes {
  public:
    explicit FakeNodes(std::vector<std::string> fitting) : fitting_(std::move(fitting)) {}
    Result<NodePick> pick(const std::string& display) {
        return pick_node(kNodes, display, [this](const std::string& node) -> Status {
            opened.push_back(node);
            if (std::ranges::find(fitting_, node) != fitting_.end()) return {};
            return fail(ENOTSUP, "{}: no native context for driver i915", node);
        });
    }
    std::vector<std::string> opened;

  private:
    const std::vector<std::string> fitting_;
};

TEST(PickNode, TheDisplaysGpuGoesFirstAndNoOtherIsOpened) {
    FakeNodes nodes(kNodes);
    const auto pick = nodes.pick("/sim/renderD130");
    ASSERT_TRUE(pick);
    EXPECT_EQ(pick->node, "/sim/renderD130");
    EXPECT_EQ(pick->reason, kDrivesDisplay);
    EXPECT_EQ(pick->warning, "");
    EXPECT_EQ(nodes.opened, std::vector<std::string>{"/sim/renderD130"}) << "others may sleep";
}

TEST(PickNode, WithoutADisplayTheFirstThatFits) {
    FakeNodes nodes({"/sim/renderD129", "/sim/renderD130"});
    const auto pick = nodes.pick("");
    ASSERT_TRUE(pick);
    EXPECT_EQ(pick->node, "/sim/renderD129");
    EXPECT_EQ(pick->reason, kFirstThatFits);
    EXPECT_EQ(pick->warning, "") << "nothing is known to cross";
}

TEST(PickNode, ADisplayOnAGpuThatDoesNotFitIsWarnedOf) {
    FakeNodes nodes({"/sim/renderD129"});
    const auto pick = nodes.pick("/sim/renderD128");
    ASSERT_TRUE(pick);
    EXPECT_EQ(pick->node, "/sim/renderD129");
    EXPECT_NE(pick->warning.find("/sim/renderD129, the VMM's display on /sim/renderD128"),
              std::string::npos)
        << pick->warning;
    EXPECT_EQ(nodes.opened.size(), 2u) << "the display's is not asked twice";
}

TEST(PickNode, NamesEveryNodeThatDoesNotFit) {
    const auto pick = FakeNodes({}).pick("");
    ASSERT_FALSE(pick);
    EXPECT_EQ(pick.error().code, ENODEV);
    for (const std::string& node : kNodes)
        EXPECT_NE(pick.error().message.find(node + ": no native context"), std::string::npos)
            << pick.error().message;
}

TEST(ChooseGpu, ASimulatedOneByName) {
    const auto choice = choose_gpu("sim:vega10");
    ASSERT_TRUE(choice) << choice.error().message;
    EXPECT_EQ(choice->description, "simulated vega10");
    auto source = choice->open();
    ASSERT_TRUE(source);
    const auto device = open_device(*std::move(source));
    ASSERT_TRUE(device);
    EXPECT_EQ((*device)->version().name, "amdgpu");
}

TEST(ChooseGpu, SaysWhatIsWrongAndWhatToDo) {
    struct Case {
        const char* wish;
        int code;
        const char* says;
    };
    for (const Case& c : {
             Case{"sim:voodoo2", EINVAL, "use renoir, vega10"},
             Case{"nonsense", EINVAL, "use auto"},
             Case{"sim:renoir,sim:tgl", EINVAL, "a process has one"},
             Case{"/dev/null", ENODEV, "not a DRM device"},
             Case{"/nowhere/renderD128", ENODEV, "No such file"},
             Case{"pci:ffff:ff:1f.7", ENODEV, "by-path/pci-ffff:ff:1f.7-render"},
         }) {
        const auto choice = choose_gpu(c.wish);
        ASSERT_FALSE(choice) << c.wish;
        EXPECT_EQ(choice.error().code, c.code) << c.wish;
        EXPECT_NE(choice.error().message.find(c.says), std::string::npos)
            << c.wish << ": " << choice.error().message;
    }
}

}  // namespace
}  // namespace viaduct
