// VmAccount: the VMM's end of the memory in which its contexts' workers book what they use.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "blob/mapping.h"
#include "blob/result.h"
#include "blob/unique_fd.h"
#include "drm-context/account/layout.h"

namespace viaduct {

/// What is counted for the VM as a whole, by its VMM and in its own memory. Lives on when the guest
/// starts anew.
struct VmCounters {
    std::atomic<uint64_t> contexts_started = 0;
    std::atomic<uint64_t> contexts_refused = 0;
    std::atomic<uint64_t> contexts_lost = 0;  // ended before the VMM ended them
    std::atomic<uint64_t> resources = 0;      // blobs of native contexts
    std::atomic<uint64_t> window_bytes = 0;   // mapped into the host-visible window
    std::atomic<uint64_t> descriptors = 0;    // held for the guest's resources and contexts
    /// Of contexts that have ended.
    std::array<std::atomic<uint64_t>, kQueueClasses> past_busy_ns = {};
};

/// One per host of contexts: a worker that is about to die may write into the memory still when the
/// next host begins. Thread-safe.
class VmAccount {
  public:
    /// `counters`: null gives it counters of its own.
    static Result<std::shared_ptr<VmAccount>> create(
        std::shared_ptr<VmCounters> counters = nullptr);

    /// Who a slot is taken for.
    struct Tenant {
        uint32_t ctx_id = 0;
        std::string name;        // of the guest process; sanitised
        int64_t started_ns = 0;  // CLOCK_MONOTONIC
    };

    /// A place for a new context. ENOSPC: as many as there can be run already.
    Result<uint32_t> take_slot(uint32_t ctx_id, std::string_view name);
    /// Takes back whatever the context held, however its worker ended. Nobody may write there any
    /// more.
    void free_slot(uint32_t slot);
    /// The same for what it holds of the GPU's memory only.
    void clear_charge(uint32_t slot);

    /// Those of the contexts that are alive, by slot.
    std::map<uint32_t, Tenant> tenants() const;

    /// A descriptor of the memory, for a worker.
    UniqueFd duplicate_fd() const { return fd_.duplicate(); }

    account::Page& page() { return *reinterpret_cast<account::Page*>(mapping_.data()); }
    const account::Page& page() const {
        return *reinterpret_cast<const account::Page*>(mapping_.data());
    }

    VmCounters& counters() { return *counters_; }
    const VmCounters& counters() const { return *counters_; }

  private:
    VmAccount(UniqueFd fd, Mapping mapping, std::shared_ptr<VmCounters> counters)
        : fd_(std::move(fd)), mapping_(std::move(mapping)), counters_(std::move(counters)) {}

    UniqueFd fd_;
    Mapping mapping_;
    std::shared_ptr<VmCounters> counters_;
    mutable std::mutex mutex_;
    std::map<uint32_t, Tenant> tenants_;  // by slot
};

/// Movable owner of one slot. The account lives as long as its slots do.
class VmSlot {
  public:
    VmSlot() = default;
    VmSlot(std::shared_ptr<VmAccount> account, uint32_t slot)
        : account_(std::move(account)), slot_(slot) {}
    VmSlot(VmSlot&& other) noexcept
        : account_(std::move(other.account_)), slot_(std::exchange(other.slot_, 0)) {}
    VmSlot& operator=(VmSlot&& other) noexcept {
        std::swap(account_, other.account_);
        std::swap(slot_, other.slot_);
        return *this;
    }
    VmSlot(const VmSlot&) = delete;
    VmSlot& operator=(const VmSlot&) = delete;
    ~VmSlot() {
        if (account_) account_->free_slot(slot_);
    }

    uint32_t index() const { return slot_; }
    /// The context ends before its VMM ended it.
    void count_loss() {
        if (account_) ++account_->counters().contexts_lost;
    }
    /// The worker is gone, and with it all that it held; its counters may still be read.
    void clear_charge() {
        if (account_) account_->clear_charge(slot_);
    }

  private:
    std::shared_ptr<VmAccount> account_;
    uint32_t slot_ = 0;
};

/// Bytes that all contexts of the page hold; saturates.
struct MemoryUse {
    uint64_t local = 0;
    uint64_t system = 0;
    uint64_t total() const { return local > UINT64_MAX - system ? UINT64_MAX : local + system; }
};
MemoryUse memory_of(const account::Charge& charge);
MemoryUse memory_of_vm(const account::Page& page);

}  // namespace viaduct
