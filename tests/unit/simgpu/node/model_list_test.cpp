#include "simgpu/node/model_list.h"

#include <gtest/gtest.h>

namespace simgpu::node {
namespace {

std::string described(std::string_view list, std::string_view instance) {
    const auto devices = parse_model_list(list, instance);
    if (!devices) return "error: " + devices.error();
    std::string text;
    for (const OpenOptions& device : *devices) text += device.model + "@" + device.instance + " ";
    return text;
}

TEST(ModelList, Devices) {
    EXPECT_EQ(described("", ""), "renoir@default ");
    EXPECT_EQ(described("vega10", "mine"), "vega10@mine ");
    EXPECT_EQ(described("renoir,vega10,renoir", ""),
              "renoir@default vega10@default renoir@default.2 ");
}

TEST(ModelList, MistakesSayWhatIsRight) {
    for (const char* list : {"navi21", "renoir,", ",", "Renoir", "renoir vega10"}) {
        const std::string text = described(list, "");
        EXPECT_NE(text.find(std::string("VIADUCT_SIMGPU=") + list), std::string::npos) << text;
        EXPECT_NE(text.find("use renoir, vega10"), std::string::npos) << text;
    }
    EXPECT_NE(described("renoir,renoir,renoir,renoir,renoir,renoir,renoir,renoir,renoir", "")
                  .find("more than 8"),
              std::string::npos);
}

}  // namespace
}  // namespace simgpu::node
