// Work that hops between queues, ordered by semaphores, and many submissions at once.
#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/guest/vulkan/support.h"

// Built from shaders/*.comp; they need <cstdint> before them.
#include "spin.spv.h"

namespace viaduct::vulkan {
namespace {

constexpr VkDeviceSize kQueueSize = 16384;

/// All that fill and copy.
std::vector<QueueKind> queues_of(const Device& device) {
    if (copying_queue(device) == QueueKind::kTransfer) return {QueueKind::kTransfer};
    std::vector<QueueKind> kinds;
    for (const QueueKind kind : {QueueKind::kGraphics, QueueKind::kCompute, QueueKind::kTransfer})
        if (device.has_queue(kind)) kinds.push_back(kind);
    return kinds;
}

class Queues : public testing::Test {
  protected:
    // A chain of buffers, each copied from the one before on the next queue in turn.
    struct Chain {
        std::vector<Buffer> buffers;
        std::vector<Commands> steps;
    };
    Chain make_chain(size_t steps) {
        Chain chain;
        for (size_t i = 0; i <= steps; ++i) chain.buffers.emplace_back(device_, kQueueSize);
        for (const Buffer& buffer : chain.buffers) fill_pattern(buffer.bytes(), 99);
        fill_pattern(chain.buffers.front().bytes(), 1);
        for (size_t i = 0; i < steps; ++i) {
            chain.steps.emplace_back(device_, kinds_[i % kinds_.size()],
                                     [&](VkCommandBuffer commands) {
                                         const VkBufferCopy region{0, 0, kQueueSize};
                                         vkCmdCopyBuffer(commands, chain.buffers[i].get(),
                                                         chain.buffers[i + 1].get(), 1, &region);
                                     });
        }
        return chain;
    }
    void wait(VkSemaphore timeline, uint64_t value) {
        VkSemaphoreWaitInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO};
        info.semaphoreCount = 1;
        info.pSemaphores = &timeline;
        info.pValues = &value;
        check(vkWaitSemaphores(device_.get(), &info, kPatienceNs), "vkWaitSemaphores");
    }
    uint64_t value_of(VkSemaphore timeline) {
        uint64_t value = 0;
        check(vkGetSemaphoreCounterValue(device_.get(), timeline, &value),
              "vkGetSemaphoreCounterValue");
        return value;
    }
    void signal(VkSemaphore timeline, uint64_t value) {
        VkSemaphoreSignalInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO};
        info.semaphore = timeline;
        info.value = value;
        check(vkSignalSemaphore(device_.get(), &info), "vkSignalSemaphore");
    }

    Device& device_ = shared_device();
    std::vector<QueueKind> kinds_ = queues_of(device_);
};

TEST_F(Queues, BinarySemaphoresOrderAChainOfCopies) {
    constexpr size_t kSteps = 12;
    const Chain chain = make_chain(kSteps);
    std::vector<OwnedSemaphore> done;
    for (size_t i = 0; i < kSteps; ++i) done.push_back(device_.make_semaphore());
    const OwnedFence fence = device_.make_fence();
    for (size_t i = 0; i < kSteps; ++i) {
        const bool last = i + 1 == kSteps;
        const SemaphorePoint before{i == 0 ? VK_NULL_HANDLE : done[i - 1].get()};
        const SemaphorePoint after{done[i].get()};
        chain.steps[i].submit(last ? fence.get() : VK_NULL_HANDLE,
                              std::span(&before, i == 0 ? 0 : 1), std::span(&after, last ? 0 : 1));
    }
    device_.wait(fence.get());
    EXPECT_TRUE(same_bytes(pattern(kQueueSize, 1), chain.buffers.back().bytes()));
}

// radv makes each an IB of its own, since each may be pending more than once; kernels take 192 on a
// gfx ring, the driver's own among them.
TEST_F(Queues, ManyCommandBuffersAreOneSubmission) {
    constexpr size_t kCount = 180;
    constexpr size_t kBlock = 64;  // words
    const Buffer target(device_, kCount * kBlock * sizeof(uint32_t));
    std::vector<Commands> fills;
    std::vector<VkCommandBuffer> handles;
    std::vector<uint32_t> expected;
    for (size_t i = 0; i < kCount; ++i) {
        const auto value = static_cast<uint32_t>(0x1000 + i);
        fills.emplace_back(device_, copying_queue(device_), [&](VkCommandBuffer commands) {
            constexpr VkDeviceSize kBytes = kBlock * sizeof(uint32_t);
            vkCmdFillBuffer(commands, target.get(), i * kBytes, kBytes, value);
        });
        handles.push_back(fills.back().get());
        expected.insert(expected.end(), kBlock, value);
    }
    VkSubmitInfo submit{VK_STRUCTURE_TYPE_SUBMIT_INFO};
    submit.commandBufferCount = kCount;
    submit.pCommandBuffers = handles.data();
    const OwnedFence fence = device_.make_fence();
    check(vkQueueSubmit(device_.queue(copying_queue(device_)), 1, &submit, fence.get()),
          "vkQueueSubmit");
    device_.wait(fence.get());
    EXPECT_TRUE(same_values(expected, target.as<uint32_t>()));
}

TEST_F(Queues, OneTimelineSemaphoreOrdersAChainOfCopies) {
    VIADUCT_NEEDS(device_.features().timeline_semaphores, "no timeline semaphores");
    constexpr uint64_t kStart = 5;
    constexpr size_t kSteps = 12;
    const Chain chain = make_chain(kSteps);
    const OwnedSemaphore timeline = device_.make_timeline_semaphore(kStart);
    for (size_t i = 0; i < kSteps; ++i) {
        const SemaphorePoint before{timeline.get(), kStart + i};
        const SemaphorePoint after{timeline.get(), kStart + i + 1};
        chain.steps[i].submit(VK_NULL_HANDLE, std::span(&before, 1), std::span(&after, 1));
    }
    wait(timeline.get(), kStart + kSteps);
    EXPECT_EQ(value_of(timeline.get()), kStart + kSteps);
    EXPECT_TRUE(same_bytes(pattern(kQueueSize, 1), chain.buffers.back().bytes()));
}

// The jobs are submitted last one first; the CPU's signal sets them off.
TEST_F(Queues, TimelineWaitsMayComeBeforeTheirSignals) {
    VIADUCT_NEEDS(device_.features().timeline_semaphores, "no timeline semaphores");
    VIADUCT_NEEDS(kinds_.size() >= 2, "only one queue");
    const size_t steps = kinds_.size();  // a queue executes its own submissions in order
    const Chain chain = make_chain(steps);
    const OwnedSemaphore timeline = device_.make_timeline_semaphore(0);
    for (size_t i = steps; i-- > 0;) {
        const SemaphorePoint before{timeline.get(), i + 1};
        const SemaphorePoint after{timeline.get(), i + 2};
        chain.steps[i].submit(VK_NULL_HANDLE, std::span(&before, 1), std::span(&after, 1));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(value_of(timeline.get()), 0U);
    EXPECT_TRUE(same_bytes(pattern(kQueueSize, 99), chain.buffers.back().bytes()));

    signal(timeline.get(), 1);
    wait(timeline.get(), steps + 1);
    EXPECT_TRUE(same_bytes(pattern(kQueueSize, 1), chain.buffers.back().bytes()));
}

struct SpinConstants {
    uint32_t index, rounds;
};

TEST_F(Queues, ThousandSubmissionsInFlight) {
    constexpr size_t kSubmissions = 1000;
    const Buffer counters(device_, kQueueSize);
    std::ranges::fill(counters.as<uint32_t>(), 0U);
    const Buffer* const buffers[] = {&counters};
    const ComputePipeline pipeline(device_, spin_spirv, buffers, sizeof(SpinConstants));
    std::vector<Commands> jobs;
    for (uint32_t i = 0; i < 10; ++i) {
        const QueueKind kind = device_.has_queue(QueueKind::kCompute) && i % 2 == 1
                                   ? QueueKind::kCompute
                                   : QueueKind::kGraphics;
        jobs.emplace_back(device_, kind, [&](VkCommandBuffer commands) {
            pipeline.bind(commands);
            pipeline.push(commands, SpinConstants{i, i + 1});
            vkCmdDispatch(commands, 1, 1, 1);
        });
    }
    std::vector<OwnedFence> fences;
    std::vector<VkFence> raw_fences;
    for (size_t i = 0; i < kSubmissions; ++i) {
        fences.push_back(device_.make_fence());
        raw_fences.push_back(fences.back().get());
        jobs[i % jobs.size()].submit(fences.back().get());
    }
    check(vkWaitForFences(device_.get(), kSubmissions, raw_fences.data(), VK_TRUE, kPatienceNs),
          "vkWaitForFences");
    for (uint32_t i = 0; i < jobs.size(); ++i)
        EXPECT_EQ(counters.as<uint32_t>()[i], (i + 1) * kSubmissions / jobs.size());
}

TEST_F(Queues, ThreadsSubmitToTheirOwnQueues) {
    std::vector<std::thread> threads;
    std::vector<Buffer> targets;
    for (size_t i = 0; i < kinds_.size(); ++i) targets.emplace_back(device_, kQueueSize);
    for (size_t i = 0; i < kinds_.size(); ++i) {
        threads.emplace_back([&, i] {
            for (uint32_t round = 1; round <= 20; ++round)
                Commands(device_, kinds_[i], [&](VkCommandBuffer commands) {
                    vkCmdFillBuffer(commands, targets[i].get(), 0, kQueueSize, round << i);
                }).run();
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (size_t i = 0; i < kinds_.size(); ++i)
        EXPECT_TRUE(same_values(std::vector<uint32_t>(kQueueSize / 4, 20U << i),
                                targets[i].as<uint32_t>()));
}

}  // namespace
}  // namespace viaduct::vulkan
