#include "drm-context/front/fence_thread.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <thread>

#include "base/log.h"
#include "tests/unit/drm-context/front/link_parts.h"

namespace viaduct {
namespace {

using namespace std::chrono_literals;

/// The fences that were reported, in order.
class Reports {
  public:
    void add(uint64_t fence_id) {
        const std::lock_guard lock(mutex_);
        ids_.push_back(fence_id);
        changed_.notify_all();
    }
    bool wait_for(uint64_t fence_id) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, 10s, [&] { return std::ranges::count(ids_, fence_id) > 0; });
    }

    std::vector<uint64_t> all() {
        const std::lock_guard lock(mutex_);
        return ids_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<uint64_t> ids_;
};

/// A context whose worker is the test.
struct Watched {
    Watched() { test::start(*link, worker.socket.get()); }
    void end_worker() {
        worker.page().exited = 1;
        transport::signal_event(worker.notify.get());
    }
    transport::Channel channel = transport::create_channel(4096).value();
    transport::ChannelEnd worker = transport::open_channel_end(std::move(channel.worker)).value();
    std::shared_ptr<ContextLink> link =
        std::make_shared<ContextLink>(ContextId(1), std::move(channel.front), test::device_file(),
                                      test::closer(), test::patience());
};

TEST(FenceThread, AFenceAndTheEndMayComeWhileItReportsAnother) {
    Watched context;
    Reports reports;
    auto thread = FenceThread::start([&](ContextId, RingIndex, FenceId fence_id) {
        reports.add(fence_id.value());
        if (fence_id != FenceId(1)) return;
        // As the VMM's thread may do meanwhile.
        context.link->add_fence(RingIndex(1), FenceId(2));
        context.link->quit();
    });
    ASSERT_TRUE(thread);
    ASSERT_TRUE((*thread)->add(context.link));
    context.link->add_fence(RingIndex(1), FenceId(1));
    context.end_worker();
    EXPECT_TRUE(reports.wait_for(1));
    EXPECT_TRUE(reports.wait_for(2));
}

TEST(FenceThread, AContextIsLostWithNoLockHeldWhileItIsSaid) {
    Watched context;
    Reports reports;
    set_log_sink([&](LogLevel, std::string_view text) {
        EXPECT_NE(text.find("context 1 is lost"), std::string_view::npos) << text;
        context.link->add_fence(RingIndex(1), FenceId(1));  // as a VMM's log callback may
    });
    {
        auto thread = FenceThread::start(
            [&](ContextId, RingIndex, FenceId fence_id) { reports.add(fence_id.value()); });
        ASSERT_TRUE(thread);
        ASSERT_TRUE((*thread)->add(context.link));
        context.end_worker();
        EXPECT_TRUE(reports.wait_for(1));
    }
    set_log_sink(nullptr);
}

TEST(FenceThread, NoFenceIsLostToAThrow) {
    Watched context;
    Reports reports;
    int throws = 0;
    {
        auto thread = FenceThread::start([&](ContextId, RingIndex, FenceId fence_id) {
            if (fence_id == FenceId(2) && ++throws <= 3) throw std::bad_alloc();
            reports.add(fence_id.value());
        });
        ASSERT_TRUE(thread);
        for (const uint64_t fence_id : {1u, 2u, 3u})
            context.link->add_fence(RingIndex(1), FenceId(fence_id));
        context.end_worker();
        ASSERT_TRUE((*thread)->add(context.link));
        EXPECT_TRUE(reports.wait_for(3));
    }
    EXPECT_EQ(throws, 4);
    EXPECT_EQ(reports.all(), (std::vector<uint64_t>{1, 2, 3}));
}

TEST(FenceThread, FencesOfThoseThatItHasAbandonedAreDropped) {
    Watched old, next;
    Reports reports;
    auto thread = FenceThread::start(
        [&](ContextId, RingIndex, FenceId fence_id) { reports.add(fence_id.value()); });
    ASSERT_TRUE(thread);
    ASSERT_TRUE((*thread)->add(old.link));
    old.link->add_fence(RingIndex(1), FenceId(1));
    (*thread)->abandon_all();
    EXPECT_TRUE(old.link->abandoned());
    old.link->add_fence(RingIndex(1), FenceId(2));  // of an id that the new guest may use
    old.end_worker();
    ASSERT_TRUE((*thread)->add(next.link));
    next.link->add_fence(RingIndex(1), FenceId(3));
    next.end_worker();
    EXPECT_TRUE(reports.wait_for(3));
    EXPECT_EQ(reports.all(), std::vector<uint64_t>{3});
}

TEST(FenceThread, TheCallbackThatRunsIsWaitedForAtAReset) {
    Watched context;
    std::promise<void> called;
    std::atomic<bool> over = false;
    auto thread = FenceThread::start([&](ContextId, RingIndex, FenceId) {
        called.set_value();
        std::this_thread::sleep_for(100ms);
        over = true;
    });
    ASSERT_TRUE(thread);
    ASSERT_TRUE((*thread)->add(context.link));
    context.link->add_fence(RingIndex(1), FenceId(1));
    context.end_worker();
    called.get_future().wait();
    (*thread)->abandon_all();
    EXPECT_TRUE(over);
}

}  // namespace
}  // namespace viaduct
