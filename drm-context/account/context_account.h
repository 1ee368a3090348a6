// ContextAccount: the worker's end of its VM's account.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "blob/mapping.h"
#include "blob/result.h"
#include "blob/unique_fd.h"
#include "drm-context/account/layout.h"
#include "drm-context/account/limits.h"
#include "drm-context/account/vm_account.h"

namespace viaduct {

enum class MemoryPlace { kLocal, kSystem };

class ContextAccount;

/// Movable owner of what one buffer is charged; gives it back when it goes. The account outlives
/// it.
class MemoryCharge {
  public:
    MemoryCharge() = default;
    MemoryCharge(MemoryCharge&& other) noexcept
        : account_(std::exchange(other.account_, nullptr)),
          place_(other.place_),
          bytes_(other.bytes_) {}
    MemoryCharge& operator=(MemoryCharge&& other) noexcept {
        std::swap(account_, other.account_);
        std::swap(place_, other.place_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    MemoryCharge(const MemoryCharge&) = delete;
    MemoryCharge& operator=(const MemoryCharge&) = delete;
    ~MemoryCharge();

  private:
    friend class ContextAccount;
    MemoryCharge(ContextAccount& account, MemoryPlace place, uint64_t bytes)
        : account_(&account), place_(place), bytes_(bytes) {}

    ContextAccount* account_ = nullptr;
    MemoryPlace place_ = MemoryPlace::kLocal;
    uint64_t bytes_ = 0;
};

/// Books into one slot of a VmAccount. Used by one thread; stays where it is.
class ContextAccount {
  public:
    /// Maps the memory behind `memory` (of VmAccount::duplicate_fd) and keeps no descriptor. An
    /// invalid descriptor gives an account of its own, which nobody else reads.
    static Result<std::unique_ptr<ContextAccount>> attach(UniqueFd memory, uint32_t slot,
                                                          const ContextLimits& limits);

    const ContextLimits& limits() const { return limits_; }
    account::ContextCounters& counters() { return page().contexts[slot_]; }

    /// Books `bytes` that are no buffer's, such as page tables; give_back_tables() undoes it.
    /// ENOMEM as charge().
    Status charge_tables(uint64_t bytes);
    void give_back_tables(uint64_t bytes) { own().local -= bytes; }

    /// Books a buffer. ENOMEM: beyond a limit, the message says which; EINVAL: beyond reason.
    Result<MemoryCharge> charge(MemoryPlace place, uint64_t bytes);

    /// The memory size to show the guest (0: no limit), and the use to show of it: the VM's, or
    /// the context's where its own limit is the smaller one.
    uint64_t memory_limit() const;
    MemoryUse memory_use() const;

    /// Books GPU time as the kernel counts it, for readers.
    void book_busy(QueueClass which, uint64_t ns);
    /// Takes GPU time that was used from the VM's share.
    void pay(QueueClass which, uint64_t ns);
    /// Job of this VM on a ring (1 to kMaxRings) is done, at `now_ns` of CLOCK_MONOTONIC. The end
    /// of the one before it, of any of the VM's contexts; any value, if a guest took one of them
    /// over.
    int64_t exchange_finish(uint32_t ring, int64_t finished_ns);
    /// How long the VM's share asks to hold back a submission to queues of this class; ns.
    int64_t hold_time(QueueClass which, int64_t now_ns);

  private:
    friend class MemoryCharge;
    ContextAccount(Mapping mapping, uint32_t slot, const ContextLimits& limits)
        : mapping_(std::move(mapping)), slot_(slot), limits_(limits) {}
    account::Page& page() const { return *reinterpret_cast<account::Page*>(mapping_.data()); }
    account::Charge& own() const { return page().charges[slot_]; }
    Status check_limits() const;
    void give_back(MemoryPlace place, uint64_t bytes);

    Mapping mapping_;
    const uint32_t slot_;
    const ContextLimits limits_;
};

}  // namespace viaduct
