// Two VMs share one saturated ring by their shares of GPU time.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/integration/budget/ring_load.h"

namespace viaduct::test {
namespace {

using namespace std::chrono_literals;

class Shares : public testing::Test {
  protected:
    Shares() : folder_(std::filesystem::temp_directory_path() / name()) {
        std::filesystem::create_directory(folder_);
    }
    ~Shares() override { std::filesystem::remove_all(folder_); }

    static std::string name() { return "viaduct-shares-" + std::to_string(::getpid()); }
    std::string socket(const char* vm) const { return folder_ / vm; }

    /// Waits until both have used `seconds` of GPU time together since `since`. What they have.
    std::pair<double, double> wait_for_use(const RingLoad& a, const RingLoad& b, double seconds,
                                           std::pair<double, double> since = {0, 0}) {
        const auto deadline = std::chrono::steady_clock::now() + 60s;
        for (;;) {
            const std::pair use(a.executed_seconds(), b.executed_seconds());
            const double a_used = use.first - since.first, b_used = use.second - since.second;
            if ((a_used > 0 && b_used > 0 && a_used + b_used >= seconds) ||
                std::chrono::steady_clock::now() > deadline)
                return use;
            std::this_thread::sleep_for(20ms);
        }
    }

  private:
    const std::filesystem::path folder_;
};

TEST_F(Shares, OneToThreeOnOneRing) {
    const RingLoad quarter(25, name(), socket("quarter"));
    const RingLoad rest(75, name(), socket("rest"));
    // From when both are under way and have used up their bursts.
    auto start = wait_for_use(quarter, rest, 0.5);
    // A host that is busy disturbs the GPU that it simulates: one stretch of a few must be right.
    double ratio = 0;
    for (int stretch = 0; stretch < 8 && (ratio <= 2.7 || ratio >= 3.3); ++stretch) {
        const auto end = wait_for_use(quarter, rest, 3.0, start);
        const double quarter_used = end.first - start.first, rest_used = end.second - start.second;
        ASSERT_GE(quarter_used + rest_used, 3.0) << "the ring was not kept busy";
        ratio = rest_used / quarter_used;
        start = end;
    }
    EXPECT_GT(ratio, 2.7);
    EXPECT_LT(ratio, 3.3);
}

TEST_F(Shares, AVmAloneHasItsShareOfTheTime) {
    const RingLoad quarter(25, name(), socket("quarter"));
    const auto wait_until = [&](double seconds) {
        const auto deadline = std::chrono::steady_clock::now() + 60s;
        while (quarter.executed_seconds() < seconds && std::chrono::steady_clock::now() < deadline)
            std::this_thread::sleep_for(5ms);
        return std::pair(quarter.executed_seconds(), std::chrono::steady_clock::now());
    };
    const auto start = wait_until(0.1);
    const auto end = wait_until(1.0);
    const std::chrono::duration<double> time = end.second - start.second;
    EXPECT_NEAR((end.first - start.first) / time.count(), 0.25, 0.025);
}

}  // namespace
}  // namespace viaduct::test
