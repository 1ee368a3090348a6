// A guest that does its worst to keep its VMM waiting.
//
// VIADUCT_AVAILABILITY_SECONDS: how long each attack is watched, 3 unless set.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/availability/main_loop.h"

namespace viaduct::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr size_t kCommandBytes = 120'000;
constexpr uint32_t kControlBytes = 4 << 20;

std::chrono::seconds watch_time() {
    const char* text = std::getenv("VIADUCT_AVAILABILITY_SECONDS");
    return std::chrono::seconds(text ? std::max(1, std::atoi(text)) : 3);
}

/// The calls of a guest, each made on the main loop.
class AttackedVmm : public ::testing::Test {
  protected:
    static constexpr double kMostWaiting = 0.1;  // of the time

    ~AttackedVmm() override {
        stop();
        loop_.run([this] { contexts_.clear(); });
    }

    /// Queries that a worker is long busy with.
    static Commands long_work(GuestContext& guest, uint32_t& last_seqno) {
        Commands commands;
        const Message query = guest.driver().query(kAnswerBytes);
        for (size_t i = 0; i < kCommandBytes / query.bytes.size(); ++i)
            commands.add(query, {0, 0, last_seqno = guest.next_seqno(), 0});
        return commands;
    }
    /// Null if it or its control buffer is refused: more contexts are starting and ending than the
    /// VM may have.
    std::unique_ptr<GuestContext> create_context(uint32_t id) {
        std::unique_ptr<GuestContext> guest;
        loop_.run([&] {
            guest = std::make_unique<GuestContext>(vmm_, id, GuestContext::Control::kNone, "test",
                                                   GuestContext::Refusal::kMayBe);
        });
        if (!guest->exists()) return nullptr;
        bool has_control = false;
        loop_.run([&] {
            has_control = guest->create_control(kControlBytes, GuestContext::Refusal::kMayBe);
            if (!has_control) guest.reset();
        });
        if (!has_control) return nullptr;
        constexpr uint32_t kRoom = kControlBytes - 4096;
        std::memcpy(guest->area().data(), &kRoom, sizeof(kRoom));
        return guest;
    }
    /// One that stays; refused as long as the contexts of the test before are winding down.
    void keep_context(uint32_t id) {
        std::unique_ptr<GuestContext> guest;
        ASSERT_TRUE(eventually([&] { return (guest = create_context(id)) != nullptr; }))
            << vmm_.log_text();
        contexts_.push_back(std::move(guest));
    }
    /// Long work, and a call that has to wait for it. The last sequence number of the work.
    uint32_t work_and_call(GuestContext& guest) {
        uint32_t last_seqno = 0;
        const Commands commands = long_work(guest, last_seqno);
        loop_.run([&] { guest.submit(commands.bytes()); });
        loop_.run([&] { guest.create_blob(vmm_.next_res_id(), 99, 4096); });
        return last_seqno;
    }
    void attack(std::function<void()> step) {
        attacker_ = std::thread([this, step = std::move(step)] {
            while (!stop_) step();
        });
    }
    void stop() {
        stop_ = true;
        if (attacker_.joinable()) attacker_.join();
    }
    /// The share of the time that the main loop waits, once the attack has had its first second;
    /// of five stretches the best, as other programs may disturb one.
    double waiting() {
        std::this_thread::sleep_for(2s);  // the store that a VM begins with is used up
        double least = 1;
        for (int stretch = 0; stretch < 5 && least >= kMostWaiting; ++stretch) {
            loop_.take_use();
            std::this_thread::sleep_for(watch_time());
            least = std::min(least, loop_.take_use().share());
        }
        RecordProperty("waiting_percent", std::to_string(100 * least));
        return least;
    }

    // Just what the kernel could answer: fewer bytes would be less work.
    static constexpr uint32_t kAnswerBytes = 4096;

    Vmm vmm_;
    MainLoop loop_;
    std::vector<std::unique_ptr<GuestContext>> contexts_;
    std::atomic<bool> stop_ = false;
    std::thread attacker_;
};

TEST_F(AttackedVmm, WaitsLittleForEverNewContexts) {
    attack([this] {
        auto guest = create_context(1);
        if (!guest) return;
        work_and_call(*guest);
        loop_.run([&] { guest.reset(); });
    });
    EXPECT_LT(waiting(), kMostWaiting);
}

TEST_F(AttackedVmm, WaitsLittleForContextsThatStay) {
    for (uint32_t id = 1; id <= 4; ++id) ASSERT_NO_FATAL_FAILURE(keep_context(id));
    attack([this, turn = size_t{0}]() mutable {
        GuestContext& guest = *contexts_[++turn % contexts_.size()];
        guest.wait_seqno(work_and_call(guest));
    });
    EXPECT_LT(waiting(), kMostWaiting);
}

TEST_F(AttackedVmm, HasBuffersForAContextThatHasDoneNothingWrong) {
    ASSERT_NO_FATAL_FAILURE(keep_context(9));
    attack([this] {
        auto guest = create_context(1);
        if (!guest) return;
        work_and_call(*guest);
        loop_.run([&] { guest.reset(); });
    });
    std::this_thread::sleep_for(2s);
    int served = 0;
    constexpr int kBuffers = 10;
    for (int i = 0; i < kBuffers; ++i)
        loop_.run([&] { served += contexts_.front()->create_buffer(4096) != 0; });
    EXPECT_EQ(served, kBuffers);
}

}  // namespace
}  // namespace viaduct::test
