#include "simgpu/sync/syncobj_object.h"

#include <algorithm>
#include <vector>

namespace simgpu::drm {

void Timeline::append(uint64_t point, const FencePtr& fence) {
    const viaduct::LockGuard lock(mutex_);
    pending_.push_back({point, fence, Fence::create()});
    last_ = point;
}

void Timeline::follow(const FencePtr& fence) {
    fence->on_signal([self = shared_from_this()](int) { self->advance(); });
}

FencePtr Timeline::find(uint64_t point) const {
    const viaduct::LockGuard lock(mutex_);
    if (point > last_) return nullptr;
    if (pending_.empty()) return Fence::signalled();
    if (point == 0) return pending_.back().reached;
    if (point <= reached_) return Fence::signalled();
    const auto entry = std::ranges::lower_bound(pending_, point, {}, &Point::value);
    return entry->reached;
}

uint64_t Timeline::reached() const {
    const viaduct::LockGuard lock(mutex_);
    return reached_;
}

uint64_t Timeline::last_point() const {
    const viaduct::LockGuard lock(mutex_);
    return last_;
}

void Timeline::advance() {
    std::vector<Point> done;
    {
        const viaduct::LockGuard lock(mutex_);
        while (!pending_.empty() && pending_.front().submitted->is_signalled()) {
            reached_ = pending_.front().value;
            done.push_back(std::move(pending_.front()));
            pending_.pop_front();
        }
    }
    for (const Point& point : done) point.reached->signal(point.submitted->status());
}

FencePtr Syncobj::find(uint64_t point) const {
    const viaduct::LockGuard lock(mutex_);
    if (timeline_) return timeline_->find(point);
    return point == 0 ? binary_ : nullptr;
}

void Syncobj::replace(FencePtr fence) {
    std::shared_ptr<Timeline> old_timeline;  // destroyed without the lock
    {
        const viaduct::LockGuard lock(mutex_);
        old_timeline.swap(timeline_);
        binary_.swap(fence);
    }
    notify();
}

void Syncobj::add_point(uint64_t point, const FencePtr& fence) {
    FencePtr submitted = fence;
    std::shared_ptr<Timeline> timeline;
    {
        const viaduct::LockGuard lock(mutex_);
        FencePtr before;  // what a new timeline has to wait for
        if (timeline_ && point <= timeline_->last_point()) {
            point = timeline_->last_point();
            before = timeline_->find(0);
            timeline_.reset();
        } else if (!timeline_) {
            before = std::exchange(binary_, nullptr);
        }
        if (!timeline_) timeline_ = std::make_shared<Timeline>();
        timeline = timeline_;
        if (before) submitted = Fence::all_of({before, fence});
        timeline->append(point, submitted);
    }
    timeline->follow(submitted);  // may run others' callbacks: not under our lock
    notify();
}

uint64_t Syncobj::reached_point() const {
    const viaduct::LockGuard lock(mutex_);
    return timeline_ ? timeline_->reached() : 0;
}

uint64_t Syncobj::submitted_point() const {
    const viaduct::LockGuard lock(mutex_);
    return timeline_ ? timeline_->last_point() : 0;
}

uint64_t Syncobj::add_observer(std::function<void()> changed) {
    const viaduct::LockGuard lock(mutex_);
    observers_.emplace(next_observer_, std::make_shared<std::function<void()>>(std::move(changed)));
    return next_observer_++;
}

void Syncobj::remove_observer(uint64_t token) {
    std::shared_ptr<std::function<void()>> removed;  // destroyed without the lock
    const viaduct::LockGuard lock(mutex_);
    if (const auto entry = observers_.find(token); entry != observers_.end()) {
        removed = std::move(entry->second);
        observers_.erase(entry);
    }
}

void Syncobj::notify() {
    std::vector<std::shared_ptr<std::function<void()>>> observers;
    {
        const viaduct::LockGuard lock(mutex_);
        for (const auto& [token, observer] : observers_) observers.push_back(observer);
    }
    for (const auto& observer : observers) (*observer)();
}

}  // namespace simgpu::drm
