#include "drm-context/metrics/client_name.h"

#include <gtest/gtest.h>

namespace viaduct {
namespace {

TEST(ClientName, KeepsTheKernelsRules) {
    EXPECT_EQ(make_client_name("web", "glxgears"), "web/glxgears");
    EXPECT_EQ(make_client_name("my vm", "a b\n"), "my_vm/a_b_");
    EXPECT_EQ(make_client_name("", "glxgears"), "glxgears");
    EXPECT_EQ(make_client_name("web", ""), "web");
    EXPECT_EQ(make_client_name(std::string(100, 'v'), std::string(100, 'p')),
              std::string(31, 'v') + "/" + std::string(32, 'p'));
    EXPECT_EQ(make_client_name(std::string(100, 'v'), "p").size(), 64u);
    EXPECT_EQ(make_client_name("v", std::string("p\0q", 3)), "v/p");
}

}  // namespace
}  // namespace viaduct
