#include <gtest/gtest.h>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "drm-context/account/context_account.h"
#include "drm-context/account/token_bucket.h"
#include "drm-context/account/vm_account.h"

namespace viaduct {
namespace {

class Account : public testing::Test {
  protected:
    std::unique_ptr<ContextAccount> attach(uint32_t slot) {
        auto account =
            ContextAccount::attach({vm_->duplicate_fd(), vm_->duplicate_view(), slot}, limits_);
        return account ? *std::move(account) : nullptr;
    }
    uint64_t total() { return memory_of_vm(vm_->books(), limits_).total(); }
    /// Writes `word` wherever the worker of `slot` could, had a guest taken it over.
    void poison(uint32_t slot, uint64_t word) {
        const auto fill = [word](void* memory, size_t bytes) {
            std::fill_n(static_cast<uint64_t*>(memory), bytes / sizeof(word), word);
        };
        fill(&vm_->books().slots[slot], sizeof(account::Slot));
        fill(&vm_->books().shares, sizeof(account::Shares));
    }
    static constexpr uint64_t kNonsense[] = {1,         0x8080'8080'8080'8080, uint64_t{1} << 61,
                                             INT64_MAX, uint64_t{1} << 63,     UINT64_MAX};

    std::shared_ptr<VmAccount> vm_ = VmAccount::create().value();
    ContextLimits limits_;
};

TEST_F(Account, ChargesComeAndGo) {
    VmSlot slot(vm_, vm_->take_slot(ContextId(1), "one").value());
    const auto account = attach(slot.index());
    {
        auto charge = account->charge(MemoryPlace::kLocal, 4096);
        ASSERT_TRUE(charge);
        auto moved = std::move(*charge);
        EXPECT_EQ(total(), 4096u);
        EXPECT_EQ(total(), 4096u) << "once, wherever it is";
        moved = MemoryCharge();
        EXPECT_EQ(total(), 0u);
    }
    EXPECT_EQ(total(), 0u);
}

TEST_F(Account, LimitsAddUpOverContexts) {
    limits_.vm_memory = 100;
    limits_.context_memory = 80;
    VmSlot a(vm_, vm_->take_slot(ContextId(1), "a").value()),
        b(vm_, vm_->take_slot(ContextId(2), "b").value());
    const auto first = attach(a.index()), second = attach(b.index());
    EXPECT_FALSE(first->charge(MemoryPlace::kLocal, 81));
    const auto held = first->charge(MemoryPlace::kLocal, 80);
    ASSERT_TRUE(held);
    EXPECT_FALSE(second->charge(MemoryPlace::kSystem, 21));
    EXPECT_TRUE(second->charge(MemoryPlace::kSystem, 20));
    EXPECT_EQ(total(), 80u) << "what is refused, or given back, is not held";
    EXPECT_EQ(second->counters().refusals, 1u);
}

TEST_F(Account, MemoryOfTheVmmCountsToo) {
    limits_.vm_memory = 100;
    VmSlot slot(vm_, vm_->take_slot(ContextId(1), "one").value());
    const auto account = attach(slot.index());
    {
        const auto held = take_host_memory(vm_, 60, limits_.vm_memory);
        ASSERT_TRUE(held);
        EXPECT_EQ(vm_->counters().host_bytes.load(), 60u);
        EXPECT_FALSE(account->charge(MemoryPlace::kLocal, 41));
        const auto buffer = account->charge(MemoryPlace::kLocal, 40);
        EXPECT_TRUE(buffer);
        EXPECT_FALSE(take_host_memory(vm_, 1, limits_.vm_memory));
        EXPECT_TRUE(take_host_memory(vm_, 1, 0)) << "no limit";
    }
    EXPECT_EQ(vm_->counters().host_bytes.load(), 0u);
    EXPECT_EQ(total(), 0u);
}

TEST_F(Account, PageTablesCountAsMemoryButAsNoBuffer) {
    limits_.vm_memory = 3 * 4096;
    limits_.buffers = 1;
    VmSlot slot(vm_, vm_->take_slot(ContextId(1), "one").value());
    const auto account = attach(slot.index());
    const auto buffer = account->charge(MemoryPlace::kLocal, 4096);
    ASSERT_TRUE(buffer);
    EXPECT_TRUE(account->charge_tables(8192));
    EXPECT_EQ(account->charge_tables(4096).error().code, ENOMEM);
    EXPECT_EQ(total(), 3 * 4096u) << "what is refused is not held";
    account->give_back_tables(8192);
    EXPECT_EQ(total(), 4096u);
    EXPECT_EQ(vm_->books().slots[slot.index()].charge.buffers, 1u);
}

TEST_F(Account, NeverMoreThanTheLimitWhoeverAsks) {
    limits_.vm_memory = 1000;
    std::vector<VmSlot> slots;
    for (uint32_t i = 0; i < 4; ++i)
        slots.emplace_back(vm_, vm_->take_slot(ContextId(i), "").value());
    std::atomic<uint64_t> granted = 0;
    std::atomic<bool> exceeded = false;
    std::vector<std::thread> threads;
    for (const VmSlot& slot : slots) {
        threads.emplace_back([&, index = slot.index()] {
            const auto account = attach(index);
            for (int i = 0; i < 2000; ++i) {
                auto charge = account->charge(MemoryPlace::kLocal, 300);
                if (!charge) continue;
                if (granted.fetch_add(300) + 300 > 1000) exceeded = true;
                granted -= 300;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_FALSE(exceeded);
    EXPECT_EQ(total(), 0u);
}

TEST_F(Account, ADeadWorkersChargesGoWithItsSlot) {
    {
        VmSlot slot(vm_, vm_->take_slot(ContextId(1), "killed").value());
        const auto account = attach(slot.index());
        auto* const lost = new MemoryCharge(account->charge(MemoryPlace::kLocal, 4096).value());
        EXPECT_EQ(total(), 4096u);
        slot.clear_charge();
        EXPECT_EQ(total(), 0u);
        ::operator delete(lost);  // as a killed process: nothing is given back
    }
    EXPECT_TRUE(vm_->tenants().empty());
}

TEST_F(Account, SlotsAreBounded) {
    for (uint32_t i = 0; i < account::kSlots; ++i) ASSERT_TRUE(vm_->take_slot(ContextId(i), ""));
    EXPECT_EQ(vm_->take_slot(ContextId(0), "").error().code, ENOSPC);
    vm_->free_slot(17);
    EXPECT_EQ(vm_->take_slot(ContextId(0), "").value(), 17u);
    EXPECT_EQ(count_contexts(vm_->books()), account::kSlots);
}

TEST_F(Account, ASlotIsNotGivenOutAgainSoon) {
    const uint32_t first = vm_->take_slot(ContextId(1), "").value();
    vm_->free_slot(first);
    for (uint32_t i = 1; i < account::kSlots; ++i) {
        const uint32_t next = vm_->take_slot(ContextId(2), "").value();
        ASSERT_NE(next, first) << "its worker may not be dead";
        vm_->free_slot(next);
    }
    EXPECT_EQ(vm_->take_slot(ContextId(3), "").value(), first);
}

TEST_F(Account, ATakenOverWorkerDeniesNobodyABuffer) {
    limits_.vm_memory = 1 << 20;
    for (const uint64_t word : kNonsense) {
        VmSlot honest(vm_, vm_->take_slot(ContextId(1), "honest").value());
        {
            const VmSlot hostile(vm_, vm_->take_slot(ContextId(2), "hostile").value());
            poison(hostile.index(), word);
            const VmSlot next(vm_, vm_->take_slot(ContextId(3), "next").value());
            EXPECT_NE(next.index(), hostile.index());
            for (const uint32_t slot : {honest.index(), next.index()})
                EXPECT_TRUE(attach(slot)->charge(MemoryPlace::kLocal, 1 << 16)) << word;
        }
        EXPECT_TRUE(attach(honest.index())->charge(MemoryPlace::kLocal, 1 << 20))
            << "after the end of the hostile one: " << word;
    }
}

TEST_F(Account, ATakenOverWorkerClaimsNoMoreThanAProgramCouldUse) {
    limits_.vm_memory = 1 << 20;
    vm_ = VmAccount::create(limits_).value();
    const VmSlot hostile(vm_, vm_->take_slot(ContextId(1), "hostile").value());
    account::Charge& charge = vm_->books().slots[hostile.index()].charge;
    charge.local = charge.system = 1 << 20;
    EXPECT_EQ(total(), 1u << 20);
    EXPECT_FALSE(hostile.impossible_claim()) << "as far as anybody can see";
    charge.system = (1 << 20) + 1;
    EXPECT_EQ(hostile.impossible_claim(), (2u << 20) + 1);
    EXPECT_EQ(total(), 0u);
}

TEST_F(Account, HonestWorkersNeverClaimTheImpossible) {
    limits_.vm_memory = 1000;
    vm_ = VmAccount::create(limits_).value();
    const VmSlot slot(vm_, vm_->take_slot(ContextId(1), "").value());
    std::atomic<bool> done = false, accused = false;
    std::thread front([&] {
        while (!done) accused = accused || slot.impossible_claim();
    });
    const auto account = attach(slot.index());
    for (int i = 0; i < 100'000; ++i) {
        const auto place = i % 2 ? MemoryPlace::kLocal : MemoryPlace::kSystem;
        const auto charge = account->charge(place, 900);
        EXPECT_FALSE(account->charge(place, 900));
    }
    done = true;
    front.join();
    EXPECT_FALSE(accused);
}

TEST_F(Account, ASlotsLastTenantDoesNotDisturbTheNext) {
    limits_.vm_memory = 1 << 20;
    const VmSlot slot(vm_, vm_->take_slot(ContextId(1), "").value());
    const auto account = attach(slot.index());
    const auto charge = account->charge(MemoryPlace::kLocal, 4096);
    poison(slot.index(), uint64_t{1} << 61);  // by a worker that is not quite dead
    EXPECT_TRUE(account->charge(MemoryPlace::kLocal, 4096));
    EXPECT_EQ(total(), 4096u) << "and its figures are right again";
    EXPECT_EQ(account->memory_use().total(), 4096u);
}

TEST_F(Account, ATakenOverWorkerCannotHoldOthersSubmissionsForLong) {
    limits_.gpu_share = 20;
    limits_.gpu_burst_ns = 1'000'000;
    const VmSlot honest(vm_, vm_->take_slot(ContextId(1), "honest").value());
    const VmSlot hostile(vm_, vm_->take_slot(ContextId(2), "hostile").value());
    const auto account = attach(honest.index());
    constexpr auto kQueue = QueueClass::kGraphics;
    constexpr int64_t kJob = 1'000'000, kTime = 20 * kMaxHold;
    int64_t used = 0;
    const int64_t start = monotonic_ns();
    for (int64_t now = start; now - start < kTime; used += kJob) {
        for (auto& bucket : vm_->books().shares.buckets) {
            bucket.tokens = INT64_MIN;
            bucket.refilled_ns = now;
        }
        for (int64_t wait; (wait = account->hold_time(kQueue, now)) > 0;) now += wait;
        account->pay(kQueue, kJob);
        now += kJob;
    }
    EXPECT_NEAR(static_cast<double>(used) / kTime, 0.1, 0.02) << "half of the share is its own";
}

TEST_F(Account, OnlyBelievableEndsOfJobsCount) {
    const VmSlot a(vm_, vm_->take_slot(ContextId(1), "a").value()),
        b(vm_, vm_->take_slot(ContextId(2), "b").value());
    const VmSlot hostile(vm_, vm_->take_slot(ContextId(3), "hostile").value());
    const auto first = attach(a.index()), second = attach(b.index());
    uint32_t ring = 0;
    for (const uint64_t word : kNonsense) {
        if (word == 1) continue;  // anything in the past is possible
        ++ring;
        EXPECT_EQ(first->exchange_finish(RingIndex(ring), 100), 0);
        EXPECT_EQ(second->exchange_finish(RingIndex(ring), 200), 100);
        poison(hostile.index(), word);
        EXPECT_EQ(second->exchange_finish(RingIndex(ring), 300), 200) << word;
        EXPECT_EQ(first->exchange_finish(RingIndex(ring), 150), 100) << word;
    }
    EXPECT_EQ(first->exchange_finish(RingIndex(account::kMaxRings), 150), 0);
}

TEST_F(Account, OthersPagesCannotBeMadeWritable) {
    const UniqueFd view = vm_->duplicate_view();
    constexpr size_t kSize = sizeof(account::Books);
    EXPECT_FALSE(Mapping::map_shared(view.get(), 0, kSize));
    const Mapping books = Mapping::map_read_only(view.get(), kSize).value();
    EXPECT_NE(::mprotect(books.data(), kSize, PROT_READ | PROT_WRITE), 0);
    EXPECT_LT(::pwrite(view.get(), "x", 1, 0), 0);
}

TEST_F(Account, ASlotOutOfRangeIsRefused) {
    EXPECT_FALSE(attach(account::kSlots));
    EXPECT_TRUE(ContextAccount::attach({}, limits_)) << "an account of its own";
}

TEST_F(Account, AbsurdSizesAreNoMatterOfBudgets) {
    VmSlot slot(vm_, vm_->take_slot(ContextId(1), "").value());
    EXPECT_EQ(attach(slot.index())->charge(MemoryPlace::kLocal, UINT64_MAX).error().code, EINVAL);
}

}  // namespace
}  // namespace viaduct
