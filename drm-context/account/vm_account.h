// VmAccount: the VMM's end of the memory in which its contexts' workers book what they use.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/ids.h"
#include "base/lease.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "blob/mapping.h"
#include "drm-context/account/belief.h"
#include "drm-context/account/layout.h"

namespace viaduct {

/// Counters of the VM as a whole, kept by its VMM in its own memory. They live on when the guest
/// starts anew.
struct VmCounters {
    std::atomic<uint64_t> contexts_started = 0;
    std::atomic<uint64_t> contexts_refused = 0;
    std::atomic<uint64_t> contexts_lost = 0;  // ended before the VMM ended them
    std::atomic<uint64_t> resources = 0;      // blobs of native contexts
    std::atomic<uint64_t> window_bytes = 0;   // mapped into the host-visible window
    std::atomic<uint64_t> descriptors = 0;    // held for the guest's resources and contexts
    std::atomic<uint64_t> host_bytes = 0;     // of memory that the VMM holds for native contexts
    /// Of contexts that have ended.
    std::array<std::atomic<uint64_t>, kQueueClasses> past_busy_ns = {};
};

/// One per host of contexts: a worker that is about to die may write into the memory still when the
/// next host begins. Thread-safe.
class VmAccount {
  public:
    /// `limits`: of its contexts. `counters`: null gives it counters of its own.
    static Result<std::shared_ptr<VmAccount>> create(
        const ContextLimits& limits = {}, std::shared_ptr<VmCounters> counters = nullptr);

    /// The context that a slot is taken for.
    struct Tenant {
        ContextId ctx_id = {};
        std::string name;        // of the guest process; sanitised
        int64_t started_ns = 0;  // CLOCK_MONOTONIC
    };

    /// A place for a new context, empty. ENOSPC: as many as there can be run already. The one that
    /// was free for longest: a worker that dies may write for a moment still.
    Result<uint32_t> take_slot(ContextId ctx_id, std::string_view name);
    /// Takes back whatever the context held, however its worker ended.
    void free_slot(uint32_t slot);
    /// The same for what it holds of the GPU's memory only.
    void clear_charge(uint32_t slot);
    /// Bytes, if the context's worker claims more GPU memory than any honest one can hold.
    std::optional<uint64_t> impossible_claim(uint32_t slot) const;

    /// Memory of the VMM's that a native context takes, such as its control buffer, is charged to
    /// the VM like its buffers.
    void add_host_memory(uint64_t bytes);
    void remove_host_memory(uint64_t bytes) { add_host_memory(-bytes); }  // modulo 2^64

    /// The accounts of live contexts, by slot.
    std::map<uint32_t, Tenant> tenants() const;

    /// The memory, for a worker that maps its own parts of it (ContextAccount::attach) before it
    /// looks at anything of a guest's, and keeps no descriptor.
    UniqueFd duplicate_fd() const { return fd_.duplicate(); }
    /// The same memory, to be read only: no mapping of it can be made writable.
    UniqueFd duplicate_view() const { return view_.duplicate(); }

    account::Books& books() { return *reinterpret_cast<account::Books*>(mapping_.data()); }
    const account::Books& books() const {
        return *reinterpret_cast<const account::Books*>(mapping_.data());
    }
    const ContextLimits& limits() const { return limits_; }

    VmCounters& counters() { return *counters_; }
    const VmCounters& counters() const { return *counters_; }

  private:
    VmAccount(UniqueFd fd, UniqueFd view, Mapping mapping, const ContextLimits& limits,
              std::shared_ptr<VmCounters> counters)
        : fd_(std::move(fd)),
          view_(std::move(view)),
          mapping_(std::move(mapping)),
          limits_(limits),
          counters_(std::move(counters)) {}
    void note_in_roster(uint32_t slot, bool taken) VIADUCT_REQUIRES(mutex_);

    const UniqueFd fd_;
    const UniqueFd view_;
    const Mapping mapping_;
    const ContextLimits limits_;
    const std::shared_ptr<VmCounters> counters_;
    mutable Mutex mutex_;
    std::map<uint32_t, Tenant> tenants_ VIADUCT_GUARDED_BY(mutex_);  // by slot
    uint32_t next_slot_ VIADUCT_GUARDED_BY(mutex_) = 0;
};

/// One slot, from VmAccount::take_slot() on. The account lives as long as its slots do.
class VmSlot {
  public:
    VmSlot() = default;
    VmSlot(std::shared_ptr<VmAccount> account, uint32_t slot)
        : taken_(Taken{std::move(account), slot}) {}

    uint32_t index() const { return taken_ ? taken_->slot : 0; }
    /// The context ends before its VMM ended it.
    void count_loss() {
        if (taken_) ++taken_->account->counters().contexts_lost;
    }
    /// The worker is gone, and with it all that it held; its counters may still be read.
    void clear_charge() {
        if (taken_) taken_->account->clear_charge(taken_->slot);
    }
    /// VmAccount::impossible_claim().
    std::optional<uint64_t> impossible_claim() const {
        return taken_ ? taken_->account->impossible_claim(taken_->slot) : std::nullopt;
    }

  private:
    struct Taken {
        std::shared_ptr<VmAccount> account;
        uint32_t slot = 0;

        void give_back() { account->free_slot(slot); }
    };
    Lease<Taken> taken_;
};

/// Memory of the VMM's that is charged to the VM.
struct HeldMemory {
    std::shared_ptr<VmAccount> account;
    uint64_t bytes = 0;

    void give_back() { account->remove_host_memory(bytes); }
};
using HostMemory = Lease<HeldMemory>;

/// Charges memory of the VMM's that a guest asks for. ENOMEM: the VM would have more than `limit`
/// bytes (0: no limit).
Result<HostMemory> take_host_memory(std::shared_ptr<VmAccount> account, uint64_t bytes,
                                    uint64_t limit);

}  // namespace viaduct
