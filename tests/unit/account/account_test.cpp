#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "drm-context/account/context_account.h"
#include "drm-context/account/vm_account.h"

namespace viaduct {
namespace {

class Account : public testing::Test {
  protected:
    std::unique_ptr<ContextAccount> attach(uint32_t slot) {
        auto account = ContextAccount::attach(vm_->duplicate_fd(), slot, limits_);
        return account ? *std::move(account) : nullptr;
    }
    uint64_t total() { return memory_of_vm(vm_->page()).total(); }

    std::shared_ptr<VmAccount> vm_ = VmAccount::create().value();
    ContextLimits limits_;
};

TEST_F(Account, ChargesComeAndGo) {
    VmSlot slot(vm_, vm_->take_slot(1, "one").value());
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
    VmSlot a(vm_, vm_->take_slot(1, "a").value()), b(vm_, vm_->take_slot(2, "b").value());
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
    VmSlot slot(vm_, vm_->take_slot(1, "one").value());
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

// A worker that a guest has taken over writes anything into the page.
TEST_F(Account, WhatTheVmmHoldsIsRestoredWithTheNextChange) {
    const auto held = take_host_memory(vm_, 60, 0);
    vm_->page().host.system = UINT64_MAX;
    EXPECT_EQ(vm_->counters().host_bytes.load(), 60u);
    const auto more = take_host_memory(vm_, 1, 0);
    EXPECT_EQ(total(), 61u);
}

TEST_F(Account, PageTablesCountAsMemoryButAsNoBuffer) {
    limits_.vm_memory = 3 * 4096;
    limits_.buffers = 1;
    VmSlot slot(vm_, vm_->take_slot(1, "one").value());
    const auto account = attach(slot.index());
    const auto buffer = account->charge(MemoryPlace::kLocal, 4096);
    ASSERT_TRUE(buffer);
    EXPECT_TRUE(account->charge_tables(8192));
    EXPECT_EQ(account->charge_tables(4096).error().code, ENOMEM);
    EXPECT_EQ(total(), 3 * 4096u) << "what is refused is not held";
    account->give_back_tables(8192);
    EXPECT_EQ(total(), 4096u);
    EXPECT_EQ(vm_->page().charges[slot.index()].buffers, 1u);
}

TEST_F(Account, NeverMoreThanTheLimitWhoeverAsks) {
    limits_.vm_memory = 1000;
    std::vector<VmSlot> slots;
    for (uint32_t i = 0; i < 4; ++i) slots.emplace_back(vm_, vm_->take_slot(i, "").value());
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
        VmSlot slot(vm_, vm_->take_slot(1, "killed").value());
        const auto account = attach(slot.index());
        auto* const lost = new MemoryCharge(account->charge(MemoryPlace::kLocal, 4096).value());
        EXPECT_EQ(total(), 4096u);
        slot.clear_charge();
        EXPECT_EQ(total(), 0u);
        ::operator delete(lost);  // as a killed process: nothing is given back
    }
    EXPECT_EQ(vm_->take_slot(2, "next").value(), 0u) << "the slot is free again";
}

TEST_F(Account, SlotsAreBounded) {
    for (uint32_t i = 0; i < account::kSlots; ++i) ASSERT_TRUE(vm_->take_slot(i, ""));
    EXPECT_EQ(vm_->take_slot(0, "").error().code, ENOSPC);
    vm_->free_slot(17);
    EXPECT_EQ(vm_->take_slot(0, "").value(), 17u);
}

TEST_F(Account, WhatAWorkerWritesKeepsNobodyOut) {
    const VmSlot first(vm_, vm_->take_slot(1, "first").value());
    for (int byte = 0; byte < 256; ++byte) {
        std::memset(static_cast<void*>(&vm_->page()), byte, sizeof(account::Page));
        const auto next = vm_->take_slot(2, "next");
        ASSERT_TRUE(next) << byte << ": " << next.error().message;
        EXPECT_EQ(*next, 1u) << "never one that is in use";
        vm_->free_slot(*next);
    }
}

TEST_F(Account, ASlotOutOfRangeIsRefused) {
    EXPECT_FALSE(ContextAccount::attach(vm_->duplicate_fd(), account::kSlots, limits_));
    EXPECT_TRUE(ContextAccount::attach(UniqueFd(), 0, limits_)) << "an account of its own";
}

TEST_F(Account, AbsurdSizesAreNoMatterOfBudgets) {
    VmSlot slot(vm_, vm_->take_slot(1, "").value());
    EXPECT_EQ(attach(slot.index())->charge(MemoryPlace::kLocal, UINT64_MAX).error().code, EINVAL);
}

}  // namespace
}  // namespace viaduct
