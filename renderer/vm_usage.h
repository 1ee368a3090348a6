// What one VM takes of its VMM's process: contexts, descriptors, room in the host-visible window.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "blob/result.h"
#include "drm-context/account/vm_account.h"
#include "renderer/settings/budget.h"

namespace viaduct {

class VmUsage;

/// Movable owner of an amount of something. The VmUsage outlives it.
class Booking {
  public:
    enum class Kind { kContexts, kResources, kDescriptors, kWindow };

    Booking() = default;
    Booking(Booking&& other) noexcept
        : usage_(std::exchange(other.usage_, nullptr)),
          kind_(other.kind_),
          amount_(other.amount_) {}
    Booking& operator=(Booking&& other) noexcept {
        std::swap(usage_, other.usage_);
        std::swap(kind_, other.kind_);
        std::swap(amount_, other.amount_);
        return *this;
    }
    Booking(const Booking&) = delete;
    Booking& operator=(const Booking&) = delete;
    ~Booking();
    explicit operator bool() const { return usage_ != nullptr; }

  private:
    friend class VmUsage;
    Booking(VmUsage& usage, Kind kind, uint64_t amount);

    VmUsage* usage_ = nullptr;
    Kind kind_ = Kind::kContexts;
    uint64_t amount_ = 0;
};

/// Keeps to the VM's budget, and shows what is in use. Thread-safe.
class VmUsage {
  public:
    /// Without limits, and nobody else sees its counters.
    VmUsage() = default;
    VmUsage(Budget budget, std::shared_ptr<VmCounters> shown)
        : budget_(std::move(budget)), shown_(std::move(shown)) {}

    /// ENOMEM: as much as the budget has; the message says what.
    Result<Booking> take_context();
    Result<Booking> take_descriptors(uint64_t count);
    Result<Booking> take_window(uint64_t bytes);
    Booking take_resource() { return Booking(*this, Booking::Kind::kResources, 1); }
    /// Counts a context that was refused, or did not start.
    void count_failed_context();

  private:
    friend class Booking;
    uint64_t used(Booking::Kind kind) const { return used_[static_cast<size_t>(kind)]; }
    void add(Booking::Kind kind, uint64_t amount);
    Result<Booking> take(Booking::Kind kind, uint64_t amount, uint64_t limit, const char* what);

    const Budget budget_;
    const std::shared_ptr<VmCounters> shown_ = std::make_shared<VmCounters>();
    std::array<std::atomic<uint64_t>, 4> used_ = {};
};

}  // namespace viaduct
