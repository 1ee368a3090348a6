#include "simgpu/sync/fence.h"

#include <atomic>
#include <cerrno>

namespace simgpu::drm {

namespace {

/// Shared by the members of an all_of: how many are left, and the first error.
struct Gathering {
    std::atomic<size_t> left;
    std::atomic<int> status{0};
};

}  // namespace

FencePtr Fence::signalled(int status) {
    FencePtr fence = create();
    fence->signal(status);
    return fence;
}

FencePtr Fence::all_of(const std::vector<FencePtr>& fences) {
    if (fences.size() == 1) return fences.front();
    FencePtr all = create();
    auto gathering = std::make_shared<Gathering>();
    gathering->left = fences.size() + 1;
    const auto arrive = [all, gathering](int status) {
        int none = 0;
        if (status != 0) gathering->status.compare_exchange_strong(none, status);
        if (gathering->left.fetch_sub(1) == 1) all->signal(gathering->status);
    };
    for (const FencePtr& fence : fences) fence->on_signal(arrive);
    arrive(0);
    return all;
}

Fence::~Fence() {
    for (auto& [token, callback] : callbacks_) callback(-ESRCH);
}

void Fence::set_schedule(FencePtr started, const void* ring) {
    const viaduct::LockGuard lock(mutex_);
    started_ = std::move(started);
    ring_ = ring;
}

FencePtr Fence::schedule_on(const void* ring) const {
    const viaduct::LockGuard lock(mutex_);
    return ring_ == ring && status_ == 0 ? started_ : nullptr;
}

bool Fence::is_signalled() const {
    const viaduct::LockGuard lock(mutex_);
    return done_;
}

int Fence::status() const {
    const viaduct::LockGuard lock(mutex_);
    return status_;
}

void Fence::signal(int status) {
    Callbacks callbacks;
    std::shared_ptr<void> source;
    FencePtr self;
    {
        const viaduct::LockGuard lock(mutex_);
        if (done_) return;
        done_ = true;
        status_ = status;
        callbacks.swap(callbacks_);
        source.swap(source_);
        self.swap(self_);
        signalled_.notify_all();
    }
    for (auto& [token, callback] : callbacks) callback(status);
}

bool Fence::wait_until(std::chrono::steady_clock::time_point deadline) const {
    viaduct::UniqueLock lock(mutex_);
    return signalled_.wait_until(lock.native(), deadline,
                                 [this]() VIADUCT_REQUIRES(mutex_) { return done_; });
}

uint64_t Fence::on_signal(std::function<void(int)> callback) {
    int status = 0;
    {
        const viaduct::LockGuard lock(mutex_);
        if (!done_) {
            callbacks_.emplace_back(next_token_, std::move(callback));
            update_self_reference();
            return next_token_++;
        }
        status = status_;
    }
    callback(status);
    return 0;
}

void Fence::remove_callback(uint64_t token) {
    // Destroyed after the lock is gone: a callback may own the last reference to anything, and
    // the reference to ourselves may be the last one.
    std::function<void(int)> removed;
    FencePtr self;
    const viaduct::LockGuard lock(mutex_);
    for (auto entry = callbacks_.begin(); entry != callbacks_.end(); ++entry) {
        if (entry->first != token) continue;
        removed = std::move(entry->second);
        callbacks_.erase(entry);
        break;
    }
    if (callbacks_.empty()) self.swap(self_);
}

void Fence::update_self_reference() {
    if (source_ && !callbacks_.empty()) self_ = shared_from_this();
}

}  // namespace simgpu::drm
