#include "renderer/native_gpu.h"

#include <gtest/gtest.h>

#include "tests/unit/renderer/fake_native.h"

namespace viaduct {
namespace {

class NativeGpuTest : public testing::Test {
  protected:
    test::FakeGpu fake_;
    uid_t user_ = 0;
    NativeGpu gpu_{fake_.factory(), [](ContextId, RingIndex, FenceId) {}, [this] { return user_; }};
};

TEST_F(NativeGpuTest, ServesFiguresFromInitOn) {
    ASSERT_TRUE(gpu_.capset());
    EXPECT_EQ(fake_.serving, 0);
    gpu_.start(Callbacks{});
    EXPECT_EQ(fake_.hosts_made, 1);
    EXPECT_EQ(fake_.serving, 1);
}

TEST_F(NativeGpuTest, IsMadeAgainForAnotherUser) {
    ASSERT_TRUE(gpu_.capset());
    user_ = 1001;
    gpu_.start(Callbacks{});
    EXPECT_EQ(fake_.hosts_made, 2);
    EXPECT_EQ(fake_.hosts_alive, 1);
    EXPECT_EQ(fake_.serving, 1);
    gpu_.start(Callbacks{});
    EXPECT_EQ(fake_.hosts_made, 2) << "the user has not changed since";
}

}  // namespace
}  // namespace viaduct
