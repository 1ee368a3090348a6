#include "drm-context/account/vm_usage.h"

namespace viaduct {

using Kind = Booking::Kind;

Booking::Booking(std::shared_ptr<VmUsage> usage, Kind kind, uint64_t amount)
    : usage_(std::move(usage)), kind_(kind), amount_(amount) {
    usage_->add(kind_, amount_);
}

Booking::~Booking() {
    if (usage_) usage_->add(kind_, -amount_);  // modulo 2^64
}

std::shared_ptr<VmUsage> VmUsage::create(UsageLimits limits, std::shared_ptr<VmCounters> shown) {
    if (!shown) shown = std::make_shared<VmCounters>();
    return std::shared_ptr<VmUsage>(new VmUsage(std::move(limits), std::move(shown)));
}

// Booked first and checked then: two that ask at the same time never get more than there is.
Result<Booking> VmUsage::take(Kind kind, uint64_t amount, uint64_t limit, const char* what) {
    Booking booking(shared_from_this(), kind, amount);
    const uint64_t in_use = used(kind);
    if (limit == 0 || (amount <= limit && in_use <= limit)) return booking;
    return fail(ENOMEM,
                "{} of the {} {} that the VM may have are in use, {} more wanted (profile {})",
                in_use - amount, limit, what, amount, limits_.profile);
}

Status VmUsage::admit_context() {
    return losses_.admit(shown_->contexts_lost, LossLimit::Clock::now());
}

Result<Booking> VmUsage::take_context() {
    return take(Kind::kContexts, 1, limits_.contexts, "contexts (winding down included)");
}

Result<Booking> VmUsage::take_descriptors(uint64_t count) {
    return take(Kind::kDescriptors, count, limits_.descriptors, "descriptors");
}

Result<Booking> VmUsage::take_window(uint64_t bytes) {
    return take(Kind::kWindow, bytes, limits_.window, "bytes of the host-visible window");
}

void VmUsage::count_failed_context() {
    ++shown_->contexts_refused;
}

void VmUsage::add(Kind kind, uint64_t amount) {
    used_[static_cast<size_t>(kind)] += amount;
    if (kind == Kind::kResources) shown_->resources += amount;
    if (kind == Kind::kDescriptors) shown_->descriptors += amount;
    if (kind == Kind::kWindow) shown_->window_bytes += amount;
}

}  // namespace viaduct
