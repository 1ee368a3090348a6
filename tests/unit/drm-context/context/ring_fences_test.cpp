#include "drm-context/context/ring_fences.h"

#include <drm.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <thread>

#include "drm-context/device/device_decorator.h"
#include "drm-context/device/simulated_device.h"
#include "drm-context/device/syncobj.h"
#include "simgpu/sync/fence.h"
#include "tests/unit/drm-context/context/signals.h"

namespace viaduct {
namespace {

using test::has_signalled;
using test::signals;

using FencePtr = std::shared_ptr<simgpu::drm::Fence>;

/// A kernel that is out of descriptors on request.
class ScarceDevice final : public DeviceDecorator {
  public:
    using DeviceDecorator::DeviceDecorator;
    int ioctl(unsigned long request, void* argument) override {
        const bool exports = request == DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD;
        return exports && scarce ? -EMFILE : DeviceDecorator::ioctl(request, argument);
    }
    bool scarce = false;
};

class RingFencesTest : public ::testing::Test {
  protected:
    static constexpr RingIndex kRing{3};

    RingFencesTest() { EXPECT_TRUE(fences_.add(kRing)); }
    /// Does as a submission of `queue` does. Returns its fence.
    FencePtr submit(uint32_t queue) {
        auto fence = simgpu::drm::Fence::create();
        const auto [signal, wait] = fences_.prepare(kRing, queue);
        waits_for_ = wait;
        EXPECT_TRUE(import_sync_file(device_, signal, fence->export_sync_file()));
        fences_.submitted(kRing, queue);
        return fence;
    }

    /// Once word of it has come.
    bool becomes_idle() {
        for (int i = 0; i < 1000 && !fences_.idle(kRing); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return fences_.idle(kRing);
    }

    ScarceDevice device_{open_simulated_device("renoir").value()};
    RingFences fences_{device_};
    uint32_t waits_for_ = 0;  // the kernel, before the last submission
};

TEST_F(RingFencesTest, ARingWithoutWorkIsIdle) {
    EXPECT_TRUE(fences_.has(kRing));
    EXPECT_FALSE(fences_.has_new_work(kRing));
    EXPECT_TRUE(fences_.idle(kRing));
}

TEST_F(RingFencesTest, ARingThatWasNotAddedHasNoWork) {
    for (const uint32_t number : {uint32_t{0}, kRing.value() + 1, kMaxRings, UINT32_MAX}) {
        const RingIndex ring(number);
        EXPECT_FALSE(fences_.has(ring)) << number;
        EXPECT_FALSE(fences_.has_new_work(ring)) << number;
        EXPECT_TRUE(fences_.idle(ring)) << number;
    }
}

TEST_F(RingFencesTest, ItsNewestSignalsWithItsWork) {
    const FencePtr work = submit(1);
    EXPECT_TRUE(fences_.has_new_work(kRing));
    EXPECT_FALSE(fences_.idle(kRing));
    const UniqueFd newest = fences_.take_newest(kRing);
    ASSERT_TRUE(newest);
    EXPECT_FALSE(fences_.has_new_work(kRing));
    EXPECT_FALSE(has_signalled(newest));
    work->signal();
    EXPECT_TRUE(signals(newest));
    EXPECT_TRUE(becomes_idle());
}

TEST_F(RingFencesTest, AQueueIsInOrderSoItsLastFenceWillDo) {
    const FencePtr first = submit(1), second = submit(1);
    EXPECT_EQ(waits_for_, 0u);
    const UniqueFd newest = fences_.take_newest(kRing);
    second->signal();
    EXPECT_TRUE(signals(newest));
    first->signal();
}

TEST_F(RingFencesTest, AnotherQueuesWorkIsWaitedForToo) {
    const FencePtr first = submit(1), second = submit(2), third = submit(3);
    EXPECT_EQ(waits_for_, 0u);
    const UniqueFd newest = fences_.take_newest(kRing);
    third->signal();
    second->signal();
    EXPECT_FALSE(has_signalled(newest));
    first->signal();
    EXPECT_TRUE(signals(newest));
}

TEST_F(RingFencesTest, ItIsNotIdleWhileAnotherQueueWorks) {
    const FencePtr first = submit(1), second = submit(2);
    second->signal();
    EXPECT_FALSE(fences_.idle(kRing));
    first->signal();
    EXPECT_TRUE(becomes_idle());
}

TEST_F(RingFencesTest, WorkThatAFenceHasTakenIsNotKept) {
    const FencePtr first = submit(1);
    const UniqueFd taken = fences_.take_newest(kRing);
    const FencePtr second = submit(2);
    const UniqueFd newest = fences_.take_newest(kRing);
    second->signal();
    EXPECT_TRUE(signals(newest)) << "the first is the other sync file's";
    EXPECT_FALSE(has_signalled(taken));
    first->signal();
}

TEST_F(RingFencesTest, WithoutADescriptorTheKernelKeepsTheOrder) {
    const FencePtr first = submit(1);
    device_.scarce = true;
    const auto [signal, wait] = fences_.prepare(kRing, 2);
    EXPECT_EQ(wait, signal) << "the submission waits for what its fence replaces";
    EXPECT_FALSE(fences_.take_newest(kRing));
    EXPECT_FALSE(fences_.idle(kRing)) << "can be asked instead";
    first->signal();
    device_.scarce = false;
    EXPECT_TRUE(becomes_idle());
}

// A caller that gets no sync file asks idle() instead, whatever follows on the ring.
TEST_F(RingFencesTest, WorkThatGotNoDescriptorIsNotForgottenWhenOtherWorkFollows) {
    const FencePtr first = submit(1);
    device_.scarce = true;
    EXPECT_FALSE(fences_.take_newest(kRing));
    device_.scarce = false;
    const FencePtr second = submit(2);
    second->signal();
    EXPECT_FALSE(fences_.idle(kRing));
    const UniqueFd newest = fences_.take_newest(kRing);
    ASSERT_TRUE(newest);
    EXPECT_FALSE(has_signalled(newest, 100));
    first->signal();
    EXPECT_TRUE(signals(newest));
}

TEST_F(RingFencesTest, WithoutADescriptorTheKernelKeepsTheOrderAfterAVainRequestToo) {
    const FencePtr first = submit(1);
    device_.scarce = true;
    EXPECT_FALSE(fences_.take_newest(kRing));
    const auto [signal, wait] = fences_.prepare(kRing, 2);
    EXPECT_EQ(wait, signal);
    first->signal();
}

}  // namespace
}  // namespace viaduct
