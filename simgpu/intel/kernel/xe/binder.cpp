#include "simgpu/intel/kernel/xe/binder.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "simgpu/gpu_thread.h"

namespace simgpu::intel::xe {

namespace {

constexpr auto kBindDelay = std::chrono::microseconds(200);

void apply(const Bind& bind) {
    for (const PageTableUpdate& update : bind.updates) {
        const memory::VaMapping& mapping = update.mapping;
        // The addresses were checked by the ioctl, so that neither can fail.
        if (mapping.access == 0)
            (void)bind.space->clear(mapping.start, mapping.end - mapping.start);
        else
            (void)bind.space->replace(mapping);
    }
    (void)bind.space->update();
}

}  // namespace

void Binder::submit(std::shared_ptr<Bind> bind, const std::vector<drm::FencePtr>& dependencies) {
    bind->earliest = std::chrono::steady_clock::now() + kBindDelay;
    {
        const viaduct::LockGuard lock(mutex_);
        open_.insert(bind);
    }
    // One more than there are, so that it is not ready before all are listed.
    const auto left = std::make_shared<std::atomic<size_t>>(dependencies.size() + 1);
    const auto arrive = [self = weak_from_this(), bind = std::move(bind), left] {
        if (--*left != 0) return;
        if (const auto binder = self.lock()) binder->ready(bind);
    };
    for (const drm::FencePtr& dependency : dependencies)
        dependency->on_signal([arrive](int) { arrive(); });
    arrive();
}

void Binder::ready(const std::shared_ptr<Bind>& bind) {
    const viaduct::LockGuard lock(mutex_);
    if (closed_) return;
    ready_.push_back(bind);
    if (!std::exchange(has_thread_, true))
        start_gpu_thread([self = shared_from_this()] { self->run(); }).detach();
    changed_.notify_all();
}

void Binder::run() {
    for (;;) {
        std::shared_ptr<Bind> bind;
        {
            viaduct::UniqueLock lock(mutex_);
            changed_.wait(lock.native(),
                          [this]() VIADUCT_REQUIRES(mutex_) { return closed_ || !ready_.empty(); });
            if (closed_) return;
            bind = std::move(ready_.front());
            ready_.pop_front();
        }
        std::this_thread::sleep_until(bind->earliest);
        {
            const viaduct::LockGuard lock(mutex_);
            if (open_.erase(bind) == 0) return;  // closed meanwhile
        }
        apply(*bind);
        bind->done->signal();
    }
}

// A bind's fence owns the binds that wait for it: released one by one, not each within the one
// before it, which takes a stack as deep as their number.
void Binder::close() {
    std::unordered_set<std::shared_ptr<Bind>> dropped;
    {
        const viaduct::LockGuard lock(mutex_);
        closed_ = true;
        dropped.swap(open_);
        ready_.clear();
        changed_.notify_all();
    }
    for (const std::shared_ptr<Bind>& bind : dropped) bind->done->signal(-ESRCH);
}

}  // namespace simgpu::intel::xe
