// A worker that a guest has taken over, with its jail closed, does its worst: the VM's other
// contexts, new ones, its log and another VM do not notice.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>

#include "tests/integration/hostile_worker/deeds.h"
#include "tests/integration/hostile_worker/neighbour.h"
#include "tests/integration/hostile_worker/round.h"
#include "tests/integration/isolation/workers.h"

namespace viaduct::test {
namespace {

using hostile::Deed;

struct Case {
    const char* name;
    Deed deed;
    bool is_lost;  // by what it does, and soon
};

void PrintTo(const Case& which, std::ostream* out) {
    *out << which.name;
}

constexpr Case kCases[] = {
    {"FloodsTheLog", Deed::kFloodTheLog, true},
    {"FloodsWithAnswers", Deed::kFloodWithAnswers, true},
    {"SendsDescriptors", Deed::kSendDescriptors, true},
    {"WakesTheFront", Deed::kWakeTheFront, true},
    {"LiesInTheSharedPage", Deed::kLieInTheSharedPage, false},
    {"PretendsToWork", Deed::kPretendToWork, false},
    {"PoisonsTheAccount", Deed::kPoisonTheAccount, true},
    {"PretendsToBeDead", Deed::kPretendToBeDead, true},
    {"KillsOthers", Deed::kKillOthers, false},
};
static_assert(std::size(kCases) == static_cast<size_t>(Deed::kDeeds));

void take_over(GuestContext& guest, Deed deed) {
    struct {
        wire::RequestHeader header;
        Deed deed;
        uint32_t pad;
    } command{{hostile::kTakeOver, sizeof(command), guest.next_seqno(), 0}, deed, 0};
    EXPECT_EQ(guest.submit(Commands().add(command)), 0);
}

class HostileWorker : public ::testing::TestWithParam<Case> {
  protected:
    /// An honest context has something to say: one line, once.
    bool has_a_line_in_the_log() {
        const std::string name = unique_name("li");
        GuestContext guest(vmm_, 9, GuestContext::Control::kCreate, name);
        guest.submit(Commands().add(wire::RequestHeader{0x7777, 16, guest.next_seqno(), 0}));
        return vmm_.wait_log(name);
    }
    void expect_undisturbed(uint64_t va) {
        EXPECT_TRUE(do_round(other_, va)) << vmm_.log_text();
        EXPECT_TRUE(start_another(vmm_, 3)) << vmm_.log_text();
        EXPECT_TRUE(has_a_line_in_the_log()) << vmm_.log_text();
    }

    Neighbour neighbour_;
    Vmm vmm_;
    GuestContext other_{vmm_, 1};
};

TEST_P(HostileWorker, HarmsItselfOnly) {
    ASSERT_TRUE(neighbour_.works(1));
    ASSERT_TRUE(do_round(other_, 0x1000'0000));
    const ProcessUse before = ProcessUse::now();
    {
        // Two, as limits for each may be too much for all.
        std::optional<GuestContext> hostile[2];
        for (uint32_t i = 0; i < 2; ++i) {
            hostile[i].emplace(vmm_, 4 + i);
            ASSERT_TRUE(hostile[i]->settle());
            take_over(*hostile[i], GetParam().deed);
        }
        for (uint64_t round = 1; round <= 4; ++round)
            expect_undisturbed(0x1000'0000 + round * kRoundSpace);
        EXPECT_TRUE(neighbour_.works(3));
        for (uint32_t i = 0; GetParam().is_lost && i < 2; ++i)
            EXPECT_TRUE(eventually([&] { return vmm_.losses_of(4 + i) > 0; })) << vmm_.log_text();
    }
    expect_undisturbed(0x2000'0000);
    EXPECT_TRUE(vmm_.returns_to(before)) << ::testing::PrintToString(ProcessUse::now());
}

INSTANTIATE_TEST_SUITE_P(Which, HostileWorker, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace viaduct::test
