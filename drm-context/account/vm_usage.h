// One VM's use of its VMM's process: contexts, descriptors, room in the host-visible window.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/lease.h"
#include "base/result.h"
#include "base/shared_fd.h"
#include "base/unique_fd.h"
#include "drm-context/account/limits.h"
#include "drm-context/account/loss_limit.h"
#include "drm-context/account/vm_account.h"

namespace viaduct {

class VmUsage;

/// A thing that a VM has only so much of.
enum class Countable { kContexts, kResources, kDescriptors, kWindow };

/// An amount that is in use.
struct Booked {
    std::shared_ptr<VmUsage> usage;
    Countable kind = Countable::kContexts;
    uint64_t amount = 0;

    void give_back();
};
using Booking = Lease<Booked>;

/// Enforces the VM's limits, and shows what is in use. Thread-safe.
class VmUsage : public std::enable_shared_from_this<VmUsage> {
  public:
    /// `shown`: where others see what is in use; null: nowhere.
    static std::shared_ptr<VmUsage> create(UsageLimits limits = {},
                                           std::shared_ptr<VmCounters> shown = nullptr);

    /// ENOMEM: too many contexts were lost of late for another one; the message says when.
    Status admit_context();
    /// ENOMEM: the limit is reached; the message has it.
    Result<Booking> take_context();
    Result<Booking> take_descriptors(uint64_t count);
    Result<Booking> take_window(uint64_t bytes);
    /// True once half of the descriptors are in use: what can do without one for now should.
    bool descriptors_are_scarce() const {
        return limits_.descriptors != 0 && used(Countable::kDescriptors) >= limits_.descriptors / 2;
    }
    Booking take_resource() { return book(Countable::kResources, 1); }
    /// Counts a context that was refused, or did not start.
    void count_failed_context();

    const UsageLimits& limits() const { return limits_; }

  private:
    friend struct Booked;
    VmUsage(UsageLimits limits, std::shared_ptr<VmCounters> shown)
        : limits_(std::move(limits)), shown_(std::move(shown)), losses_(limits_.losses) {}
    uint64_t used(Countable kind) const { return used_[static_cast<size_t>(kind)]; }
    Booking book(Countable kind, uint64_t amount);
    void add(Countable kind, uint64_t amount);
    Result<Booking> take(Countable kind, uint64_t amount, uint64_t limit, const char* what);

    const UsageLimits limits_;
    const std::shared_ptr<VmCounters> shown_;
    LossLimit losses_;
    std::array<std::atomic<uint64_t>, 4> used_ = {};
};

/// A descriptor with its booking.
struct BookedFd {
    explicit BookedFd(Booking booked, UniqueFd opened = UniqueFd())
        : booking(std::move(booked)), fd(std::move(opened)) {}

    Booking booking;
    UniqueFd fd;  // closed before the booking ends
};
inline SharedFd shared_fd(const std::shared_ptr<BookedFd>& booked) {
    return {booked, &booked->fd};
}
/// A descriptor that stays booked until the last one who holds it lets go.
inline SharedFd share(UniqueFd fd, Booking booking) {
    return shared_fd(std::make_shared<BookedFd>(std::move(booking), std::move(fd)));
}

}  // namespace viaduct
