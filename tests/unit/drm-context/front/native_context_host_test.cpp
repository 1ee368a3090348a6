// The host of native contexts, as the renderer sees it.
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <thread>

#include "drm-context/driver/choose_gpu.h"
#include "drm-context/native_context.h"
#include "tests/support/unix_sockets.h"

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
        gpu.opener(),
        [&](ContextId, RingIndex, FenceId fence_id) { retired.set_value(fence_id.value()); });
    ASSERT_TRUE(host) << host.error().message;
    auto context = (*host)->create_context(ContextId(1), "sleeper");
    ASSERT_TRUE(context) << context.error().message;
    EXPECT_EQ((*context)->device_fd(), -1);
    EXPECT_TRUE((*context)->create_blob({ResourceId(1), kBlobMappable, 0, 4096}))
        << "the control buffer";
    (*context)->create_fence(RingIndex(0), FenceId(42));
    gpu.wake();
    EXPECT_EQ(retired.get_future().get(), 42u);
    EXPECT_GE((*context)->device_fd(), 0);
}

TEST(NativeContextHost, AContextMayEndBeforeItsGpuIsOpen) {
    ::setenv("VIADUCT_ISOLATION", "thread", 1);
    SleepingGpu gpu;
    auto host = NativeContextHost::create(gpu.opener(), [](ContextId, RingIndex, FenceId) {});
    ASSERT_TRUE(host) << host.error().message;
    auto context = (*host)->create_context(ContextId(1), "sleeper");
    ASSERT_TRUE(context) << context.error().message;
    context->reset();
    host->reset();
    gpu.wake();
}

// A guest that reboots makes its first context on the VMM's main loop, like any other. Would hang
// if anybody waited.
TEST(NativeContextHost, TheFirstContextAfterAResetDoesNotWaitForTheGpuToOpen) {
    ::setenv("VIADUCT_ISOLATION", "thread", 1);
    SleepingGpu gpu;
    std::promise<uint64_t> retired;
    auto host = NativeContextHost::create(
        gpu.opener(),
        [&](ContextId, RingIndex, FenceId fence_id) { retired.set_value(fence_id.value()); });
    ASSERT_TRUE(host) << host.error().message;
    auto old = (*host)->create_context(ContextId(1), "old");
    ASSERT_TRUE(old) << old.error().message;
    (*old)->create_fence(RingIndex(0), FenceId(1));
    old->reset();
    (*host)->reset();
    auto next = (*host)->create_context(ContextId(1), "next");
    ASSERT_TRUE(next) << next.error().message;
    (*next)->create_fence(RingIndex(0), FenceId(2));
    gpu.wake();
    EXPECT_EQ(retired.get_future().get(), 2u) << "and no fence of the old guest's";
}

// The VMM's main loop asks for them, for fences that nothing stands behind: an ioctl would wake the
// GPU up first.
TEST(NativeContextHost, SignalledSyncFilesDoNotWakeTheGpu) {
    using std::chrono::milliseconds;
    constexpr milliseconds kResume{1000}, kAsleepAfter{50};
    ::setenv("VIADUCT_SIMGPU_RESUME_MS", "1000:50", 1);  // read at each wake-up
    auto host = NativeContextHost::create(
        [] {
            return DeviceSource{UniqueFd(), "renoir"};
        },
        [](ContextId, RingIndex, FenceId) {});
    ASSERT_TRUE(host) << host.error().message;
    std::this_thread::sleep_for(3 * kAsleepAfter);
    const auto start = std::chrono::steady_clock::now();
    const auto first = (*host)->signalled_sync_file();
    const auto second = (*host)->signalled_sync_file();
    EXPECT_LT(std::chrono::steady_clock::now() - start, kResume / 2);
    ::unsetenv("VIADUCT_SIMGPU_RESUME_MS");
    ASSERT_TRUE(first) << first.error().message;
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_NE(first->get(), second->get());
    for (const UniqueFd* file : {&*first, &*second}) {
        pollfd signalled{file->get(), POLLIN, 0};
        EXPECT_EQ(::poll(&signalled, 1, 0), 1);
    }
}

// A request for figures delays no context's fences, nor do fences delay the request. Would hang if
// one thread served both.
TEST(NativeContextHost, FiguresAndFencesHaveAThreadEach) {
    ::setenv("VIADUCT_ISOLATION", "thread", 1);
    const test::PrivateFolder folder;
    HostOptions options;
    options.metrics_paths = {folder / "socket"};
    std::promise<void> called, answered;
    auto host = NativeContextHost::create(
        [] {
            return DeviceSource{UniqueFd(), "renoir"};
        },
        [&](ContextId, RingIndex, FenceId) {
            called.set_value();
            answered.get_future().wait();
        },
        options);
    ASSERT_TRUE(host) << host.error().message;
    (*host)->serve_metrics();
    auto context = (*host)->create_context(ContextId(1), "gears");
    ASSERT_TRUE(context) << context.error().message;
    (*context)->create_fence(RingIndex(0), FenceId(42));
    called.get_future().wait();
    const UniqueFd client = test::connect_to(folder / "socket");
    EXPECT_TRUE(test::send_text(client, "GET /metrics HTTP/1.0\r\n\r\n"));
    EXPECT_NE(test::receive_all(client).find("process=\"gears\""), std::string::npos);
    answered.set_value();
}

}  // namespace
}  // namespace viaduct
