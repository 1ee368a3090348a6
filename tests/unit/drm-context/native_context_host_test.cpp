// The host of native contexts, as the renderer sees it.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <memory>

#include "drm-context/device/choose.h"
#include "drm-context/native_context.h"

namespace viaduct {
namespace {

/// A simulated GPU that opens at once for the first time, and then not before it is woken up.
class SleepingGpu {
  public:
    /// May be called after we are gone.
    OpenDevice opener() {
        return [opened = std::make_shared<std::atomic<int>>(0),
                awake = awake_.get_future().share()]() -> Result<DeviceSource> {
            if (++*opened > 1) awake.wait();
            return DeviceSource{UniqueFd(), "renoir"};
        };
    }
    void wake() { awake_.set_value(); }

  private:
    std::promise<void> awake_;
};

// The kernel opens a GPU that sleeps in up to seconds. The VMM's main loop must go on, and the
// guest's program must find its context when the GPU is awake. Would hang if anybody waited.
TEST(NativeContextHost, AGpuThatIsSlowToOpenHoldsNobodyUp) {
    ::setenv("VIADUCT_ISOLATION", "thread", 1);
    SleepingGpu gpu;
    std::promise<uint64_t> retired;
    auto host = NativeContextHost::create(
        gpu.opener(), [&](uint32_t, uint32_t, uint64_t fence_id) { retired.set_value(fence_id); });
    ASSERT_TRUE(host) << host.error().message;
    auto context = (*host)->create_context(1, "sleeper");
    ASSERT_TRUE(context) << context.error().message;
    EXPECT_EQ((*context)->device_fd(), -1);
    EXPECT_TRUE((*context)->create_blob({1, kBlobMappable, 0, 4096})) << "the control buffer";
    EXPECT_TRUE((*context)->create_fence(0, 42));
    gpu.wake();
    EXPECT_EQ(retired.get_future().get(), 42u);
    EXPECT_GE((*context)->device_fd(), 0);
}

TEST(NativeContextHost, AContextMayEndBeforeItsGpuIsOpen) {
    ::setenv("VIADUCT_ISOLATION", "thread", 1);
    SleepingGpu gpu;
    auto host = NativeContextHost::create(gpu.opener(), [](uint32_t, uint32_t, uint64_t) {});
    ASSERT_TRUE(host) << host.error().message;
    auto context = (*host)->create_context(1, "sleeper");
    ASSERT_TRUE(context) << context.error().message;
    context->reset();
    host->reset();
    gpu.wake();
}

}  // namespace
}  // namespace viaduct
