#include "drm-context/front/patience.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>

namespace viaduct {
namespace {

using namespace std::chrono_literals;
using Duration = Patience::Clock::duration;

constexpr auto kDeadline = 750ms;

class PatienceTest : public ::testing::Test {
  protected:
    /// A call that would be answered after `time`; how long it was waited for.
    Duration call(Patience::Share& share, Duration time) {
        const auto start = now_;
        const Duration allowed = share.allowance(start);
        now_ += std::min(time, allowed);
        share.spend(start, now_,
                    time <= allowed ? Patience::Outcome::kAnswered : Patience::Outcome::kGivenUp);
        return now_ - start;
    }
    /// A call that is never answered.
    Duration hang(Patience::Share& share) { return call(share, 1h); }

    Patience::Share& add_context() { return contexts_.emplace_back(vm_, now_); }
    void replace_context() {
        contexts_.pop_front();
        add_context();
    }

    Patience::Clock::time_point now_ = Patience::Clock::now();
    const std::shared_ptr<Patience> vm_ = std::make_shared<Patience>(kDeadline);
    std::deque<Patience::Share> contexts_;
};

TEST_F(PatienceTest, QuickAnswersCostNothing) {
    Patience::Share& context = add_context();
    for (int i = 0; i < 100'000; ++i) ASSERT_EQ(call(context, 200us), 200us);
    EXPECT_EQ(call(context, 700ms), 700ms);
}

TEST_F(PatienceTest, AHangIsWaitedForOnce) {
    Patience::Share& context = add_context();
    EXPECT_EQ(hang(context), kDeadline);
    EXPECT_LT(hang(context), 1us);
}

TEST_F(PatienceTest, AHangLeavesSomethingForOthers) {
    hang(add_context());
    EXPECT_GE(hang(add_context()), kDeadline / 2 - 1ms);
    EXPECT_GE(hang(add_context()), kDeadline / 4 - 1ms);
}

TEST_F(PatienceTest, ComesBackWithTimeAndIsNeverMore) {
    Patience::Share& context = add_context();
    hang(context);
    now_ += 1s;
    EXPECT_GE(hang(context), 12ms);
    now_ += 1h;
    EXPECT_EQ(hang(context), kDeadline);
}

TEST_F(PatienceTest, AWaitThatWasTooLongIsPaidForLater) {
    Patience::Share& context = add_context();
    context.spend(now_, now_ + 10s, Patience::Outcome::kAnswered);
    now_ += 20s;
    EXPECT_EQ(add_context().allowance(now_), 0s);
}

/// Attacks that keep a VM waiting. In between the VMM does other things for 50 µs.
class Attack : public PatienceTest {
  protected:
    static constexpr auto kTime = 30s;

    /// The share of the time that is spent waiting while `step` is repeated.
    double waiting(const std::function<Duration()>& step) {
        const auto begin = now_;
        Duration waited{};
        while (now_ - begin < kTime) {
            waited += step();
            now_ += 50us;
        }
        return std::chrono::duration<double>(waited) / (now_ - begin);
    }
};

TEST_F(Attack, OfOneContext) {
    Patience::Share& context = add_context();
    EXPECT_LT(waiting([&] { return hang(context); }), 0.08);
}

TEST_F(Attack, OfManyContexts) {
    for (int i = 0; i < 100; ++i) add_context();
    size_t turn = 0;
    EXPECT_LT(waiting([&] { return hang(contexts_[++turn % contexts_.size()]); }), 0.08);
}

TEST_F(Attack, OfEverNewContexts) {
    add_context();
    EXPECT_LT(waiting([&] {
                  replace_context();
                  return hang(contexts_.front());
              }),
              0.08);
}

TEST_F(Attack, OfAnswersThatAreSlowButNeverLate) {
    Patience::Share& context = add_context();
    EXPECT_LT(waiting([&] {
                  const Duration waited = call(context, 4900us);
                  now_ += 1ms;
                  return waited;
              }),
              0.09);
}

TEST_F(Attack, LeavesAContextThatHasUsedNothingEnough) {
    Patience::Share innocent(vm_, now_);
    add_context();
    waiting([&] {
        replace_context();
        return hang(contexts_.back());
    });
    EXPECT_GT(innocent.allowance(now_), 100ms);
}

TEST_F(Attack, OfManyLeavesOneThatHasUsedNothingSomething) {
    for (int i = 0; i < 4; ++i) add_context();
    size_t turn = 0;
    waiting([&] { return hang(contexts_[++turn % 4]); });
    EXPECT_GT(add_context().allowance(now_), 20ms);
}

}  // namespace
}  // namespace viaduct
