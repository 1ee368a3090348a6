// Threads: the GPU's fence thread beside the VMM's, VMMs with several threads, callbacks that
// block. Rows E6, E9 and E10 of the catalogue of hostile cases; meant for the thread sanitizer.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <thread>

#include "vmm_fixture.h"

namespace viaduct::test {
namespace {

/// Counts callbacks, may hold them up.
struct Counter {
    std::atomic<int> fences{0};
    std::atomic<bool> after_cleanup{false};
    std::atomic<bool> cleaned_up{false};
    std::mutex mutex;
    std::condition_variable changed;
    bool hold = false;
    bool held = false;

    static void on_fence(void* cookie, uint32_t, uint32_t, uint64_t) {
        auto& self = *static_cast<Counter*>(cookie);
        if (self.cleaned_up) self.after_cleanup = true;
        std::unique_lock lock(self.mutex);
        self.held = self.hold;
        self.changed.notify_all();
        self.changed.wait(lock, [&self] { return !self.hold; });
        ++self.fences;
    }
    void set_hold(bool value) {
        const std::lock_guard lock(mutex);
        hold = value;
        changed.notify_all();
    }
    void wait_until_held() {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return held; });
    }
};

class Threads : public Vmm {
  protected:
    Threads() {
        callbacks.write_context_fence = Counter::on_fence;
        callbacks.write_fence = nullptr;
        EXPECT_EQ(virgl_renderer_init(&counter, kDrmFlags, &callbacks), 0);
        retirer = std::thread([this] {
            while (!stop) {
                gpu.retire();
                std::this_thread::yield();
            }
        });
    }
    ~Threads() override { end(); }
    void end() {
        counter.set_hold(false);
        stop = true;
        if (retirer.joinable()) retirer.join();
    }

    Counter counter;
    std::atomic<bool> stop{false};
    std::thread retirer;
};

/// The short life of a context.
void live(uint32_t ctx, uint32_t res, uint64_t& fence_id) {
    ASSERT_EQ(virgl_renderer_context_create_with_flags(ctx, 6, 4, "test"), 0);
    virgl_renderer_resource_create_blob_args args{res, ctx, 2, kShareable, 7, 4096, nullptr, 0};
    ASSERT_EQ(virgl_renderer_resource_create_blob(&args), 0);
    uint32_t word = 0;
    EXPECT_EQ(virgl_renderer_submit_cmd(&word, static_cast<int>(ctx), 1), 0);
    for (uint32_t ring = 0; ring < 3; ++ring)
        EXPECT_EQ(virgl_renderer_context_create_fence(ctx, 0, ring, ++fence_id), 0);
    const UniqueFd sync_file(virgl_renderer_get_fence_fd(fence_id));
    virgl_renderer_poll();
    virgl_renderer_context_destroy(ctx);
    virgl_renderer_resource_unref(res);
}

TEST_F(Threads, FencesRetireWhileTheVmmWorks) {
    uint64_t fence_id = 0;
    for (int i = 0; i < 300; ++i) live(1, 5, fence_id);
    while (counter.fences < 900) std::this_thread::yield();
    EXPECT_EQ(counter.fences, 900);
}

TEST_F(Threads, SeveralThreadsMayCall) {
    std::vector<std::thread> callers;
    for (uint32_t n = 1; n <= 4; ++n)
        callers.emplace_back([n] {
            uint64_t fence_id = uint64_t{n} << 32;
            for (int i = 0; i < 100; ++i) live(n, 100 + n, fence_id);
        });
    for (auto& caller : callers) caller.join();
    while (counter.fences < 1200) std::this_thread::yield();
    EXPECT_EQ(counter.fences, 1200);
}

TEST_F(Threads, ACallbackThatBlocksBlocksNobody) {
    ASSERT_EQ(virgl_renderer_context_create_with_flags(9, 6, 4, "test"), 0);
    counter.set_hold(true);
    ASSERT_EQ(virgl_renderer_context_create_fence(9, 0, 1, 1), 0);
    counter.wait_until_held();
    uint64_t fence_id = 100;
    for (int i = 0; i < 10; ++i) live(1, 5, fence_id);
    virgl_renderer_context_destroy(9);
    counter.set_hold(false);
    while (counter.fences < 31) std::this_thread::yield();
}

// A large submission is copied for long. Would hang if another context's calls waited for that.
TEST_F(Threads, WhatAContextQueuesHoldsUpNoOther) {
    ASSERT_EQ(virgl_renderer_context_create_with_flags(9, 6, 4, "test"), 0);
    uint64_t fence_id = 100;
    int calls = 0;
    gpu.context(9).in_queue = [&] {
        ++calls;
        std::thread([&] { live(1, 5, fence_id); }).join();
    };
    uint32_t word = 0;
    EXPECT_EQ(virgl_renderer_submit_cmd(&word, 9, 1), 0);
    EXPECT_EQ(virgl_renderer_context_create_fence(9, 0, 1, 1), 0);
    EXPECT_EQ(calls, 2);
}

TEST_F(Threads, NoCallbackAfterCleanup) {
    for (int round = 0; round < 20; ++round) {
        uint64_t fence_id = 0;
        live(1, 5, fence_id);
        virgl_renderer_cleanup(nullptr);
        counter.cleaned_up = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        EXPECT_FALSE(counter.after_cleanup);
        counter.cleaned_up = false;
        ASSERT_EQ(virgl_renderer_init(&counter, kDrmFlags, &callbacks), 0);
    }
}

}  // namespace
}  // namespace viaduct::test
