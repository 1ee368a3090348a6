// ContextAccount: the worker's end of its VM's account.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/ids.h"
#include "base/lease.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "blob/mapping.h"
#include "drm-context/account/belief.h"
#include "drm-context/account/layout.h"
#include "drm-context/account/limits.h"

namespace viaduct {

enum class MemoryPlace { kLocal, kSystem };

class ContextAccount;

/// The memory of one buffer, charged to an account that outlives it.
struct ChargedMemory {
    ContextAccount* account = nullptr;
    MemoryPlace place = MemoryPlace::kLocal;
    uint64_t bytes = 0;

    void give_back();
};
using MemoryCharge = Lease<ChargedMemory>;

/// The memory of an account, as a worker gets it.
struct AccountMemory {
    UniqueFd fd;    // VmAccount::duplicate_fd()
    UniqueFd view;  // VmAccount::duplicate_view()
    uint32_t slot = 0;
};

/// Books into one slot of a VmAccount. Used by one thread; stays where it is.
class ContextAccount {
  public:
    /// Maps the slot and the token buckets to write, and all of it to read; keeps no descriptor. An
    /// invalid descriptor gives an account of its own, which nobody else reads.
    static Result<std::unique_ptr<ContextAccount>> attach(AccountMemory memory,
                                                          const ContextLimits& limits);

    const ContextLimits& limits() const { return limits_; }
    account::ContextCounters& counters() { return slot().counters; }

    /// Books `bytes` outside any buffer, such as page tables; give_back_tables() undoes it.
    /// ENOMEM as charge().
    Status charge_tables(uint64_t bytes);
    void give_back_tables(uint64_t bytes);

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
    /// Job of this VM on a ring (below kMaxRings) is done, at `finished_ns` of CLOCK_MONOTONIC. The
    /// end of the one before it, of any of the VM's contexts, as far as they are believed; 0: not
    /// known.
    int64_t exchange_finish(RingIndex ring, int64_t finished_ns);
    /// How long the VM's share asks to hold back a submission to queues of this class; ns. The
    /// shared bucket may have been emptied by a worker that a guest has taken over: each context
    /// has an equal part of the VM's share for itself.
    int64_t hold_time(QueueClass which, int64_t now_ns);

  private:
    friend struct ChargedMemory;
    struct Parts {
        Mapping slot;
        Mapping shares;
        Mapping books;  // read-only
    };
    /// This context's holdings. Only a copy is in the account, which may be written by a worker
    /// that had the slot before and is not quite dead.
    struct Held {
        MemoryUse memory;
        uint32_t buffers = 0;
    };
    ContextAccount(Parts parts, uint32_t slot, const ContextLimits& limits);

    const account::Books& books() const {
        return *reinterpret_cast<const account::Books*>(parts_.books.data());
    }
    account::Slot& slot() { return *reinterpret_cast<account::Slot*>(parts_.slot.data()); }
    account::TokenBucket& bucket(QueueClass which);
    uint32_t contexts() const;
    /// Books `held` if it is within the limits.
    Status hold(const Held& held);
    void publish(const Held& held);
    Status check_alone(const Held& held) const;
    Status check_together() const;
    MemoryUse use_of_vm() const;
    void give_back(MemoryPlace place, uint64_t bytes);

    const Parts parts_;
    const uint32_t index_;
    const ContextLimits limits_;
    Held held_;
    std::array<account::TokenBucket, kQueueClasses> own_buckets_;  // its part of the share
};

}  // namespace viaduct
