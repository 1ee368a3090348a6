// VmAccount: the VMM's end of the memory in which its contexts' workers book what they use.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "blob/mapping.h"
#include "blob/result.h"
#include "blob/unique_fd.h"
#include "drm-context/account/layout.h"

namespace viaduct {

/// One per VMM process. Thread-safe.
class VmAccount {
  public:
    static Result<std::shared_ptr<VmAccount>> create();

    /// A place for a new context. ENOSPC: as many as there can be run already.
    Result<uint32_t> take_slot(uint32_t ctx_id, std::string_view name);
    /// Takes back whatever the context held, however its worker ended. Nobody may write there any
    /// more.
    void free_slot(uint32_t slot);
    /// The same for what it holds of the GPU's memory only.
    void clear_charge(uint32_t slot);

    /// A descriptor of the memory, for a worker.
    UniqueFd duplicate_fd() const { return fd_.duplicate(); }

    account::Page& page() { return *reinterpret_cast<account::Page*>(mapping_.data()); }
    const account::Page& page() const {
        return *reinterpret_cast<const account::Page*>(mapping_.data());
    }

  private:
    VmAccount(UniqueFd fd, Mapping mapping) : fd_(std::move(fd)), mapping_(std::move(mapping)) {}

    UniqueFd fd_;
    Mapping mapping_;
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
        if (account_) ++account_->page().vm.contexts_lost;
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
