// Workers are killed at random under load.
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/isolation/workers.h"

namespace viaduct::test {
namespace {

constexpr size_t kContexts = 8;
constexpr int kKillEvery = 1'500;  // submissions of all contexts, about
constexpr int kFenceEvery = 50;
constexpr int kBufferEvery = 500;

/// Of each.
int submissions() {
    const char* text = std::getenv("VIADUCT_STRESS_SUBMISSIONS");
    return text ? std::atoi(text) : 10'000;
}

/// One guest process after the other, in one context.
class Guest {
  public:
    Guest(Vmm& vmm, uint32_t ctx_id) : vmm_(vmm), ctx_id_(ctx_id) { start(); }

    /// A submission; now and then a fence, a buffer. False if the VMM saw an error.
    bool work(int turn) {
        bool well = send(context_->driver().probe());
        if (turn % kFenceEvery == 0) {
            fences_.push_back(vmm_.next_fence_id());
            well = context_->create_fence(static_cast<uint32_t>(turn) % 3, fences_.back()) == 0 &&
                   well;
        }
        if (turn % kBufferEvery == 0) well = make_buffer() && well;
        return well;
    }
    void kill() {
        const pid_t worker = worker_of(name_);
        if (worker > 0) ::kill(worker, SIGKILL);
        killed_ = true;
    }
    bool killed() const { return killed_; }
    bool settles() { return context_->settle(); }
    uint64_t loss_field() const { return context_->loss_field(); }
    /// The guest's process notices, ends, and is started again.
    void restart() {
        finish();
        start();
    }
    void finish() {
        for (const uint64_t fence : fences_) {
            EXPECT_TRUE(vmm_.wait_fence(fence)) << "context " << ctx_id_;
            EXPECT_EQ(vmm_.times_reported(fence), 1u);
        }
        fences_.clear();
        for (const uint32_t res_id : buffers_) virgl_renderer_resource_unref(res_id);
        buffers_.clear();
        context_.reset();
        EXPECT_TRUE(workers_end(name_));
    }

  private:
    void start() {
        name_ = unique_name("st");
        context_ =
            std::make_unique<GuestContext>(vmm_, ctx_id_, GuestContext::Control::kCreate, name_);
        killed_ = false;
    }
    /// Without waiting for an answer.
    bool send(const Message& message) {
        return context_->submit(Commands().add(message, {0, 0, context_->next_seqno(), 0})) == 0;
    }
    bool make_buffer() {
        constexpr uint64_t kBytes = 65536;
        const uint64_t blob_id = context_->next_blob_id();
        const uint32_t res_id = vmm_.next_res_id();
        if (!send(context_->driver().make_buffer(blob_id, kBytes)) ||
            context_->create_blob(res_id, blob_id, kBytes) != 0)
            return false;
        buffers_.push_back(res_id);
        return true;
    }

    Vmm& vmm_;
    const uint32_t ctx_id_;
    std::string name_;
    std::unique_ptr<GuestContext> context_;
    std::vector<uint64_t> fences_;
    std::vector<uint32_t> buffers_;
    bool killed_ = false;
};

TEST(Stress, KillingWorkersAtRandomHurtsOnlyTheirContexts) {
    Vmm vmm;
    const ProcessUse before = ProcessUse::now();
    std::mt19937 random(20261121);
    std::uniform_int_distribution<size_t> any_context(0, kContexts - 1);
    std::uniform_int_distribution<int> whether(0, kKillEvery - 1);
    int kills = 0, restarts = 0;
    {
        std::vector<std::unique_ptr<Guest>> guests;
        for (size_t i = 0; i < kContexts; ++i)
            guests.push_back(std::make_unique<Guest>(vmm, static_cast<uint32_t>(i + 1)));
        for (int turn = 1; turn <= submissions(); ++turn)
            for (auto& guest : guests) {
                if (whether(random) == 0) {
                    auto& victim = guests[any_context(random)];
                    if (!victim->killed()) ++kills;
                    if (!victim->killed()) victim->kill();
                }
                if (guest->work(turn)) continue;
                ASSERT_TRUE(guest->killed()) << "an error of one whose worker lives";
                guest->restart();
                ++restarts;
            }
        for (auto& guest : guests) {
            if (!guest->killed()) {
                EXPECT_TRUE(guest->settles());
                EXPECT_EQ(guest->loss_field(), 0u);
            }
            guest->finish();
        }
    }
    std::cout << kills << " workers killed, " << restarts << " noticed while submitting\n";
    EXPECT_GT(kills, submissions() / 500);
    EXPECT_GT(restarts, submissions() / 1000);
    Guest(vmm, 1).finish();  // a start ends the zygotes that have lost all their workers
    ProcessUse allowed = before;
    ++allowed.descriptors;  // of the next zygote, which is greeted before it is needed
    EXPECT_TRUE(vmm.returns_to(allowed)) << ::testing::PrintToString(ProcessUse::now()) << " after "
                                         << ::testing::PrintToString(before);
}

}  // namespace
}  // namespace viaduct::test
