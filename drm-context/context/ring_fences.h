// RingFences: how far the work on a context's rings has come.
#pragma once

#include <array>
#include <cstdint>

#include "base/ids.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "drm-context/context/timelines.h"
#include "drm-context/device/device.h"

namespace viaduct {

/// A syncobj per ring takes the fence of each submission in turn: a sync file is made only when a
/// guest's fence needs one. Every DRM driver can signal a syncobj at the end of a
/// submission. Used by the worker's thread only.
///
/// A kernel orders the work of one of its queues (a GPU context, a submit queue), not of all that
/// submit to a ring; a guest's fence waits for all of it. Hence `queue`: any number that is the
/// same for what the kernel keeps in order.
class RingFences {
  public:
    explicit RingFences(Device& device) : device_(device) {}

    /// From now on `ring` (below kMaxRings; 0 too) has GPU work. An error: the kernel makes
    /// no syncobj.
    Status add(RingIndex ring);
    bool has(RingIndex ring) const {
        return ring.value() < rings_.size() && rings_[ring.value()].syncobj != 0;
    }

    /// The syncobjs of a submission.
    struct Syncobjs {
        uint32_t signal;  // at its end
        uint32_t wait;    // for this one before it; 0: for none
    };
    /// Before a submission of `queue` to `ring`, which must have been added. Keeps the fence of
    /// another queue that it is about to replace, or has the kernel wait for it.
    Syncobjs prepare(RingIndex ring, uint32_t queue) {
        Ring& own = rings_.at(ring.value());
        const bool replaces = own.only_copy && own.newest_queue != queue;
        return {own.syncobj, replaces ? make_room(own) : 0};
    }
    /// The kernel accepted the submission.
    void submitted(RingIndex ring, uint32_t queue) {
        Ring& own = rings_[ring.value()];
        own.new_work = own.only_copy = true;
        own.newest_queue = queue;
    }

    /// True if `ring` got a submission since take_newest() was last called.
    bool has_new_work(RingIndex ring) const { return has(ring) && rings_[ring.value()].new_work; }
    /// A sync file of all of the ring's work that none covers yet; invalid if the kernel makes
    /// none: then idle() can be asked, and the next one covers this work too.
    UniqueFd take_newest(RingIndex ring);
    /// True if all work of the ring is done.
    bool idle(RingIndex ring);

  private:
    struct Ring {
        uint32_t syncobj = 0;       // 0: not added
        uint32_t newest_queue = 0;  // whose fence it holds
        bool new_work = false;
        bool only_copy = false;    // of that fence: no sync file has it
        UniqueFd older_work = {};  // sync file: work of other queues that no fence has taken
    };
    bool keep_older_work(Ring& ring);
    uint32_t make_room(Ring& ring);

    Device& device_;
    std::array<Ring, kMaxRings> rings_;  // by index
};

}  // namespace viaduct
