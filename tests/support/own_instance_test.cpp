#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace viaduct {
namespace {

TEST(OwnInstance, EachTestProgramHasASimulatedGpuOfItsOwn) {
    const char* name = std::getenv("VIADUCT_SIMGPU_INSTANCE");
    ASSERT_NE(name, nullptr) << "it would share the GPU called \"default\" with all others";
    EXPECT_EQ(name, "test-" + std::to_string(::getpid()));
}

}  // namespace
}  // namespace viaduct
