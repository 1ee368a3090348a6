#include "drm-context/account/vm_usage.h"

namespace viaduct {

void Booked::give_back() {
    usage->add(kind, -amount);  // modulo 2^64
}

Booking VmUsage::book(Countable kind, uint64_t amount) {
    add(kind, amount);
    return Booking({shared_from_this(), kind, amount});
}

std::shared_ptr<VmUsage> VmUsage::create(UsageLimits limits, std::shared_ptr<VmCounters> shown) {
    if (!shown) shown = std::make_shared<VmCounters>();
    return std::shared_ptr<VmUsage>(new VmUsage(std::move(limits), std::move(shown)));
}

// Booked first and checked then: two that ask at the same time never get more than there is.
Result<Booking> VmUsage::take(Countable kind, uint64_t amount, uint64_t limit, const char* what) {
    Booking booking = book(kind, amount);
    const uint64_t in_use = used(kind);
    if (limit == 0 || (amount <= limit && in_use <= limit)) return booking;
    return fail(ENOMEM, "the VM uses {} of its {} {}; {} more exceed the limit (profile {})",
                in_use - amount, limit, what, amount, limits_.profile);
}

Status VmUsage::admit_context() {
    return losses_.admit(shown_->contexts_lost, LossLimit::Clock::now());
}

Result<Booking> VmUsage::take_context() {
    return take(Countable::kContexts, 1, limits_.contexts, "contexts (winding down included)");
}

Result<Booking> VmUsage::take_descriptors(uint64_t count) {
    return take(Countable::kDescriptors, count, limits_.descriptors, "descriptors");
}

Result<Booking> VmUsage::take_window(uint64_t bytes) {
    return take(Countable::kWindow, bytes, limits_.window, "bytes of the host-visible window");
}

void VmUsage::count_failed_context() {
    ++shown_->contexts_refused;
}

void VmUsage::add(Countable kind, uint64_t amount) {
    used_[static_cast<size_t>(kind)] += amount;
    if (kind == Countable::kResources) shown_->resources += amount;
    if (kind == Countable::kDescriptors) shown_->descriptors += amount;
    if (kind == Countable::kWindow) shown_->window_bytes += amount;
}

}  // namespace viaduct
