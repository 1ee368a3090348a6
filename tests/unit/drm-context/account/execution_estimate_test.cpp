#include "drm-context/account/execution_estimate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>

#include "drm-context/account/token_bucket.h"

namespace viaduct {
namespace {

constexpr RingIndex kRing{1};
constexpr int64_t kMicrosecond = 1000, kMillisecond = 1'000'000, kSecond = 1'000'000'000;

/// A VM that always wants `depth` jobs under way, and its worker, which lets some through at a time
/// as far as the share allows.
struct Vm {
    ContextLimits limits;
    size_t depth = 6;
    std::function<int64_t()> duration;
    std::function<uint64_t()> command_bytes = [] { return 64u; };

    account::TokenBucket bucket{};
    ExecutionEstimate estimate;
    size_t held = 0, under_way = 0;
    int64_t last_finish = 0;
    uint64_t done_ns = 0;      // the kernel's count, of jobs that are done
    uint64_t busy_ns = 0;      // and of all, as the worker saw it last
    uint64_t executed_ns = 0;  // what it really had
};

/// From when a job on a full ring is counted in the end. Until the job before it is done it is
/// counted from its handing over either way.
enum class Counted { kFromHandingOver, kFromItsTurn };

/// A hardware ring as amdgpu feeds it: in the order of submission, two jobs at a time. Workers look
/// at the kernel's count at once when a job is done.
class HardwareRing {
  public:
    explicit HardwareRing(std::vector<Vm*> vms, Counted counted = Counted::kFromHandingOver)
        : vms_(std::move(vms)), counted_(counted) {
        for (Vm* vm : vms_) vm->held = vm->depth;
    }

    void run_until(int64_t end) {
        while (now_ < end) {
            for (Vm* vm : vms_) submit(*vm);
            hand_over();
            step();
        }
    }
    double share_of(const Vm& vm) const {
        return static_cast<double>(vm.executed_ns) / static_cast<double>(now_);
    }

  private:
    static constexpr size_t kOnRing = 2;  // amdgpu_sched_hw_submission
    static constexpr int64_t kStep = 50 * kMicrosecond;

    struct Job {
        Vm* vm;
        int64_t duration, submitted, handed_over = 0, left = 0;
        uint64_t command_bytes;
    };

    void submit(Vm& vm) {
        const size_t most = vm.limits.limits_gpu_time()
                                ? most_unpaid(vm.estimate.typical_ns(), vm.limits)
                                : vm.depth;
        while (vm.held > 0 && vm.under_way < most &&
               hold_time(vm.bucket, now_ + 1, vm.limits) == 0) {
            --vm.held;
            ++vm.under_way;
            queue_.push_back({&vm, vm.duration(), now_, 0, 0, vm.command_bytes()});
            queue_.back().left = queue_.back().duration;
        }
    }
    void hand_over() {
        for (; ring_.size() < kOnRing && !queue_.empty(); queue_.pop_front()) {
            ring_.push_back(queue_.front());
            ring_.back().handed_over = now_;
        }
    }
    void step() {
        now_ += kStep;
        if (ring_.empty()) return;
        Job& first = ring_.front();
        first.vm->executed_ns += kStep;
        first.left -= kStep;
        if (first.left > 0) return;
        count();
        const Job done = first;
        ring_.pop_front();
        done.vm->done_ns += static_cast<uint64_t>(now_ - done.handed_over);
        if (counted_ == Counted::kFromItsTurn && !ring_.empty()) ring_.front().handed_over = now_;
        hand_over();
        finish(done);
    }
    // A worker sees no count go down.
    void count() {
        for (Vm* vm : vms_) {
            uint64_t busy = vm->done_ns;
            for (const Job& job : ring_)
                if (job.vm == vm) busy += static_cast<uint64_t>(now_ - job.handed_over);
            vm->busy_ns = std::max(vm->busy_ns, busy);
        }
    }
    void finish(const Job& job) {
        Vm& vm = *job.vm;
        --vm.under_way;
        ++vm.held;
        vm.estimate.add({kRing, job.command_bytes, job.submitted, now_, vm.last_finish});
        vm.last_finish = now_;
        take_tokens(vm.bucket, vm.estimate.take_due(vm.busy_ns, vm.under_way == 0), vm.limits);
    }

    std::vector<Vm*> vms_;
    const Counted counted_;
    std::deque<Job> queue_, ring_;
    int64_t now_ = kSecond;
};

std::unique_ptr<Vm> vm_with(uint32_t share, int64_t duration, size_t depth = 6) {
    auto vm = std::make_unique<Vm>();
    vm->limits.gpu_share = share;
    vm->limits.gpu_burst_ns = 10 * kMillisecond;
    vm->depth = depth;
    vm->duration = [duration] { return duration; };
    return vm;
}

TEST(ExecutionEstimate, TwoVmsOnOneFullRingHaveTheirShares) {
    const auto quarter = vm_with(25, 5 * kMillisecond), rest = vm_with(75, 5 * kMillisecond);
    HardwareRing ring({quarter.get(), rest.get()});
    ring.run_until(20 * kSecond);
    EXPECT_NEAR(ring.share_of(*quarter), 0.25, 0.025);
    EXPECT_NEAR(ring.share_of(*rest), 0.75, 0.075);
    EXPECT_GT(quarter->busy_ns, quarter->executed_ns * 3 / 2)
        << "by the kernel's count it had far more: this test shows nothing";
}

TEST(ExecutionEstimate, TwoVmsHaveTheirSharesWhateverTheirJobsLast) {
    for (const int64_t duration : {1, 20, 90, 240, 490})
        for (const Counted counted : {Counted::kFromHandingOver, Counted::kFromItsTurn}) {
            const auto quarter = vm_with(25, duration * kMillisecond);
            const auto rest = vm_with(75, duration * kMillisecond);
            HardwareRing ring({quarter.get(), rest.get()}, counted);
            ring.run_until(120 * kSecond);
            const double ratio = ring.share_of(*rest) / ring.share_of(*quarter);
            EXPECT_GT(ratio, 2.7) << duration << " ms, " << static_cast<int>(counted);
            EXPECT_LT(ratio, 3.3) << duration << " ms, " << static_cast<int>(counted);
        }
}

TEST(ExecutionEstimate, JobsThatAreWaitedForOneByOneHaveTheirShareToo) {
    const auto quarter = vm_with(25, 5 * kMillisecond, 1), rest = vm_with(75, 5 * kMillisecond, 1);
    HardwareRing ring({quarter.get(), rest.get()});
    ring.run_until(20 * kSecond);
    EXPECT_NEAR(ring.share_of(*quarter), 0.25, 0.025);
    EXPECT_NEAR(ring.share_of(*rest), 0.75, 0.075);
}

TEST(ExecutionEstimate, AVmWithAQuarterHasItBesideOneWithoutALimit) {
    const auto quarter = vm_with(25, 5 * kMillisecond), other = vm_with(0, 5 * kMillisecond);
    HardwareRing ring({quarter.get(), other.get()});
    ring.run_until(20 * kSecond);
    EXPECT_NEAR(ring.share_of(*quarter), 0.25, 0.025);
}

class Alone : public ::testing::TestWithParam<size_t> {};

TEST_P(Alone, AVmHasItsShareWithJobsOfOneLength) {
    const auto vm = vm_with(25, 3 * kMillisecond, GetParam());
    HardwareRing ring({vm.get()});
    ring.run_until(20 * kSecond);
    EXPECT_NEAR(ring.share_of(*vm), 0.25, 0.025);
}

TEST_P(Alone, AVmHasItsShareWithJobsOfAnyLength) {
    const auto vm = vm_with(25, 0, GetParam());
    std::mt19937 random(1);
    int64_t length = 0;
    vm->duration = [&] { return length = (1 + random() % 10) * kMillisecond; };
    vm->command_bytes = [&] { return static_cast<uint64_t>(length); };
    HardwareRing ring({vm.get()});
    ring.run_until(20 * kSecond);
    EXPECT_NEAR(ring.share_of(*vm), 0.25, 0.025);
}

INSTANTIATE_TEST_SUITE_P(Depth, Alone, ::testing::Values(1, 6));

TEST(ExecutionEstimate, LongJobsThatLookShortGainTwiceTheShareAtMost) {
    for (const size_t depth : {1, 6}) {
        const auto vm = vm_with(25, 0, depth);
        unsigned turn = 0;
        vm->duration = [&] { return ++turn % 8 == 0 ? 50 * kMicrosecond : 20 * kMillisecond; };
        HardwareRing ring({vm.get()});
        ring.run_until(20 * kSecond);
        EXPECT_LT(ring.share_of(*vm), 0.55) << "depth " << depth;
    }
}

TEST(ExecutionEstimate, AJobIsPaidWhileItRunsAndOnlyOnce) {
    ExecutionEstimate estimate;
    EXPECT_EQ(estimate.take_due(1 * kSecond, false), kSecond / 2u);
    EXPECT_EQ(estimate.take_due(2 * kSecond, false), kSecond / 2u);
    estimate.add({kRing, 64, 0, 2 * kSecond, 0});
    EXPECT_EQ(estimate.take_due(2 * kSecond, true), static_cast<uint64_t>(kSecond));
    EXPECT_EQ(estimate.take_due(2 * kSecond, true), 0u);
}

TEST(ExecutionEstimate, WithoutTheKernelsCountTheSpansArePaid) {
    ExecutionEstimate estimate;
    estimate.add({kRing, 64, 100, 300, 0});
    estimate.add({kRing, 64, 100, 400, 300});
    EXPECT_EQ(estimate.take_due(0, false), 300u);
    EXPECT_EQ(estimate.take_due(0, true), 0u);
}

// The end of the job before it may be of another worker's, which a guest may have taken over.
TEST(ExecutionEstimate, AnyPreviousEndIsHarmless) {
    for (const int64_t previous : {INT64_MIN, int64_t{-1}, int64_t{401}, INT64_MAX}) {
        ExecutionEstimate estimate;
        estimate.add({kRing, 64, 100, 400, previous});
        EXPECT_EQ(estimate.take_due(0, true), 300u) << previous;
    }
    ExecutionEstimate estimate;
    estimate.add({kRing, 64, 500, 400, 0});
    EXPECT_EQ(estimate.take_due(0, true), 0u) << "done before it was submitted";
    EXPECT_EQ(estimate.typical_ns(), 0);
}

}  // namespace
}  // namespace viaduct
