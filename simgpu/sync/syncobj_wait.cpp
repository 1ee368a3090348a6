#include "simgpu/sync/syncobj_wait.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <memory>

#include "base/mutex.h"

namespace simgpu::drm {

namespace {

/// Wakes a waiting thread. Shared with callbacks that may outlive the wait.
class Bell {
  public:
    void ring() {
        const viaduct::LockGuard lock(mutex_);
        rung_ = true;
        wake_.notify_all();
    }
    /// False on timeout.
    bool wait_until(std::chrono::steady_clock::time_point deadline) {
        viaduct::UniqueLock lock(mutex_);
        if (!wake_.wait_until(lock.native(), deadline,
                              [this]() VIADUCT_REQUIRES(mutex_) { return rung_; }))
            return false;
        rung_ = false;
        return true;
    }

  private:
    viaduct::Mutex mutex_;
    std::condition_variable wake_;
    bool rung_ VIADUCT_GUARDED_BY(mutex_) = false;
};

/// One point of a wait: finds its fence, then follows it.
class Entry {
  public:
    Entry(const SyncobjPoint& point, std::shared_ptr<Bell> bell)
        : point_(point), bell_(std::move(bell)), fence_(point.object->find(point.point)) {}
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() {
        if (observer_) point_.object->remove_observer(observer_);
        if (callback_) fence_->remove_callback(callback_);
    }

    bool submitted() const { return fence_ != nullptr; }

    bool satisfied(bool available) {
        if (!fence_) fence_ = point_.object->find(point_.point);
        return fence_ && (available || fence_->is_signalled());
    }

    /// From now on changes ring the bell; what changed before is for satisfied() to see.
    void listen() {
        const auto ring = [bell = bell_] { bell->ring(); };
        if (!fence_ && !observer_) observer_ = point_.object->add_observer(ring);
        // A fence that came just before the observer is announced by nobody.
        if (!fence_) fence_ = point_.object->find(point_.point);
        if (fence_ && !callback_ && !fence_->is_signalled())
            callback_ = fence_->on_signal([ring](int) { ring(); });
    }

  private:
    const SyncobjPoint point_;
    const std::shared_ptr<Bell> bell_;
    FencePtr fence_;
    uint64_t observer_ = 0;
    uint64_t callback_ = 0;
};

class Wait {
  public:
    explicit Wait(const SyncobjWait& wait) : wait_(wait) {
        for (const SyncobjPoint& point : wait.points)
            entries_.push_back(std::make_unique<Entry>(point, bell_));
    }

    int run(uint32_t* first) {
        if (!wait_.for_submit && !wait_.available)
            for (const auto& entry : entries_)
                if (!entry->submitted()) return -EINVAL;
        while (!satisfied(first)) {
            for (const auto& entry : entries_) entry->listen();
            // A change between the look and the listening would go unheard.
            if (satisfied(first)) return 0;
            if (!bell_->wait_until(wait_.deadline)) return satisfied(first) ? 0 : -ETIME;
        }
        return 0;
    }

  private:
    bool satisfied(uint32_t* first) {
        size_t count = 0;
        for (size_t i = 0; i < entries_.size(); ++i) {
            if (!entries_[i]->satisfied(wait_.available)) continue;
            if (count++ == 0) *first = static_cast<uint32_t>(i);
        }
        return wait_.all ? count == entries_.size() : count > 0;
    }

    const SyncobjWait& wait_;
    const std::shared_ptr<Bell> bell_ = std::make_shared<Bell>();
    std::vector<std::unique_ptr<Entry>> entries_;
};

/// One pending DRM_IOCTL_SYNCOBJ_EVENTFD. The object's observer list keeps it alive until the fence
/// is there, the fence from then on.
class EventfdWaiter : public std::enable_shared_from_this<EventfdWaiter> {
  public:
    EventfdWaiter(const SyncobjPoint& point, bool available, viaduct::UniqueFd eventfd)
        : object_(point.object),
          point_(point.point),
          available_(available),
          eventfd_(std::move(eventfd)) {}

    void start(const SyncobjPtr& object) {
        observer_ = object->add_observer([self = shared_from_this()] { self->look(); });
        look();
        // A thread that found the fence before the token was stored could not unlist us.
        if (found_) object->remove_observer(observer_);
    }

  private:
    void look() {
        const SyncobjPtr object = object_.lock();
        const FencePtr fence = object ? object->find(point_) : nullptr;
        if (!fence || found_.exchange(true)) return;
        object->remove_observer(observer_);
        if (available_) return notify();
        fence->on_signal([self = shared_from_this()](int) { self->notify(); });
    }

    void notify() {
        const uint64_t one = 1;
        (void)!::write(eventfd_.get(), &one, sizeof(one));
    }

    const std::weak_ptr<Syncobj> object_;
    const uint64_t point_;
    const bool available_;
    const viaduct::UniqueFd eventfd_;
    std::atomic<uint64_t> observer_ = 0;
    std::atomic<bool> found_ = false;
};

}  // namespace

int wait_syncobjs(const SyncobjWait& wait, uint32_t* first) {
    return Wait(wait).run(first);
}

void notify_eventfd(const SyncobjPoint& point, bool available, viaduct::UniqueFd eventfd) {
    std::make_shared<EventfdWaiter>(point, available, std::move(eventfd))->start(point.object);
}

}  // namespace simgpu::drm
