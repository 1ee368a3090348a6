#include "drm-context/front/patience.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace viaduct {

double Patience::Memory::at(Clock::time_point now) const {
    const std::chrono::duration<double> age = std::max(now - written_, Clock::duration::zero());
    return ticks_ * std::exp2(-(age / kHalfLife));
}

void Patience::Memory::add(double ticks, Clock::time_point now) {
    ticks_ = at(now) + ticks;
    written_ = std::max(now, written_);
}

void Patience::refill(Clock::time_point now) {
    if (now <= refilled_) return;
    if (refilled_ != Clock::time_point{}) {
        const std::chrono::duration<double> gained = (now - refilled_) * kRefill;
        left_ = std::min(most_, left_ + std::chrono::duration_cast<Clock::duration>(gained));
    }
    refilled_ = now;
}

Patience::Share::Share(std::shared_ptr<Patience> vm, Clock::time_point now) : vm_(std::move(vm)) {
    const LockGuard lock(vm_->mutex_);
    used_.add(vm_->ended_.at(now), now);
    inherited_ = used_;
}

Patience::Share::~Share() {
    const LockGuard lock(vm_->mutex_);
    const auto now = std::max(Clock::now(), vm_->refilled_);
    vm_->ended_.add(used_.at(now) - inherited_.at(now), now);
}

Patience::Clock::duration Patience::Share::allowance(Clock::time_point now) {
    const LockGuard lock(vm_->mutex_);
    vm_->refill(now);
    // Each tick of the wait adds to the one and takes from the other.
    const double ticks = (static_cast<double>(vm_->left_.count()) - used_.at(now)) / 2;
    const Clock::duration allowed(static_cast<Clock::rep>(std::max(ticks, 0.0)));
    return allowed < vm_->most_ / kLeastPart ? Clock::duration::zero() : allowed;
}

void Patience::Share::spend(Clock::time_point start, Clock::time_point now, Outcome outcome) {
    const Clock::duration free = outcome == Outcome::kAnswered ? kFree : Clock::duration::zero();
    const Clock::duration charged = std::max(now - start - free, Clock::duration::zero());
    const LockGuard lock(vm_->mutex_);
    vm_->refill(now);
    vm_->left_ -= charged;
    used_.add(static_cast<double>(charged.count()), now);
}

}  // namespace viaduct
