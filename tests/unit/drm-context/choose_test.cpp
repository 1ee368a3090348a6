#include "drm-context/device/choose.h"

#include <gtest/gtest.h>

namespace viaduct {
namespace {

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
             Case{"sim:voodoo2", EINVAL, "renoir or vega10"},
             Case{"nonsense", EINVAL, "use auto"},
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
