// Syncobj: a container of one fence, or of a timeline of fences.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "base/mutex.h"
#include "simgpu/sync/fence.h"

namespace simgpu::drm {

/// The points of a timeline syncobj, in rising order. A point is reached when its fence and those
/// of all points before have signalled. Thread-safe. Lives until its last fence signals, however
/// early the syncobj drops it: others may wait for its points.
class Timeline : public std::enable_shared_from_this<Timeline> {
  public:
    /// `point` must be above last_point(). The caller then has to follow() the fence.
    void append(uint64_t point, const FencePtr& fence);
    /// Lets the timeline advance when `fence` signals (perhaps at once).
    void follow(const FencePtr& fence);
    /// Signals once `point` is reached (0: the last one); null if nobody has submitted it yet.
    FencePtr find(uint64_t point) const;
    uint64_t reached() const;
    uint64_t last_point() const;

  private:
    struct Point {
        uint64_t value = 0;
        FencePtr submitted;  // the work's own fence
        FencePtr reached;    // signals in order
    };

    void advance();

    mutable viaduct::Mutex mutex_;
    std::deque<Point> pending_ VIADUCT_GUARDED_BY(mutex_);
    uint64_t reached_ VIADUCT_GUARDED_BY(mutex_) = 0;
    uint64_t last_ VIADUCT_GUARDED_BY(mutex_) = 0;
};

/// One DRM synchronisation object, perhaps known under handles of several files. Thread-safe.
class Syncobj {
  public:
    /// The fence of `point` (0: of the whole payload); null if there is none yet.
    FencePtr find(uint64_t point) const;
    /// Replaces the payload; null empties it.
    void replace(FencePtr fence);
    /// Adds a point; one that is not above the last is raised to it and waits for all of them, as
    /// the kernel's fence chains do.
    void add_point(uint64_t point, const FencePtr& fence);
    /// The highest point reached, or the highest submitted; 0 for a binary payload.
    uint64_t reached_point() const;
    uint64_t submitted_point() const;

    /// `changed` runs after every change of the payload, no lock held, until removed.
    uint64_t add_observer(std::function<void()> changed);
    /// `changed` may still be running when this returns, but does not start any more.
    void remove_observer(uint64_t token);

  private:
    void notify();

    mutable viaduct::Mutex mutex_;
    FencePtr binary_ VIADUCT_GUARDED_BY(mutex_);
    std::shared_ptr<Timeline> timeline_
        VIADUCT_GUARDED_BY(mutex_);  // set: the payload is a timeline
    uint64_t next_observer_ VIADUCT_GUARDED_BY(mutex_) = 1;
    std::map<uint64_t, std::shared_ptr<std::function<void()>>> observers_
        VIADUCT_GUARDED_BY(mutex_);
};

using SyncobjPtr = std::shared_ptr<Syncobj>;

}  // namespace simgpu::drm
