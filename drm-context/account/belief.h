// How much of an account's figures is believed.
//
// A worker that a guest has taken over writes into its own slot what it likes. It can claim what a
// program could have used; a claim beyond that is worth nothing, and costs its context
// (VmAccount::impossible_claim).
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "drm-context/account/layout.h"
#include "drm-context/account/limits.h"

namespace viaduct {

/// Bytes of GPU memory; the total saturates.
struct MemoryUse {
    uint64_t local = 0;
    uint64_t system = 0;
    uint64_t total() const { return local > UINT64_MAX - system ? UINT64_MAX : local + system; }
};

/// The most that a context can hold under these limits; bytes, never 0.
uint64_t most_memory(const ContextLimits& limits);

/// False if no honest worker books so much, at any moment.
bool is_possible(const account::Charge& charge, uint64_t most);
/// A context's use as others count it: nothing if it is not possible, and `most` at most.
MemoryUse believed(const account::Charge& charge, uint64_t most);
/// The same for the slots that were given out, together, except the slot `but_for`; and what the
/// VMM holds for the guest.
MemoryUse memory_of_vm(const account::Books& books, const ContextLimits& limits,
                       uint32_t but_for = account::kSlots);

/// GPU time of one class of queues that a context can have used in `lifetime_ns`.
uint64_t believed_busy(uint64_t busy_ns, int64_t lifetime_ns);

/// End of the newest job on a ring (below kMaxRings) that was done before `finished_ns`; 0: none.
int64_t newest_finish(const account::Books& books, RingIndex ring, int64_t finished_ns);

/// Slots that were given out.
uint32_t count_contexts(const account::Books& books);

}  // namespace viaduct
