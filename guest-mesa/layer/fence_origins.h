// FenceOrigins: which of our own submissions a syncobj's fence stands for.
#pragma once

#include <drm.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/ids.h"
#include "base/mutex.h"

namespace viaduct::guest {

/// A submission of this open file.
struct FenceOrigin {
    uint32_t context;
    RingIndex timeline;
    uint64_t seqno;
};

/// The guest's kernel waits for in-fences before it sends a submission, in the thread that submits.
/// Where the fence is a submission of the same file, the host can order the two on the GPU instead;
/// to that end the layer remembers what each syncobj was last given. Whatever it did not see happen
/// is forgotten, and then waited for: being wrong only ever costs time. Thread-safe.
class FenceOrigins {
  public:
    /// A submission was sent that signals `point` of `handle` (0: a binary syncobj's fence).
    void set(uint32_t handle, uint64_t point, const FenceOrigin& origin);
    std::optional<FenceOrigin> find(uint32_t handle, uint64_t point) const;
    /// No longer counts on anything about `handle`.
    void forget(uint32_t handle);
    /// The GPU context is gone, and its number may come back for another.
    void forget_context(uint32_t context);

    /// Learns from a generic ioctl: that has just succeeded, or, if it is SYNCOBJ_DESTROY, that is
    /// about to be made.
    void observe(unsigned long request, const void* argument);

  private:
    /// Points of a timeline that are worth remembering: nobody has more of them in flight.
    static constexpr size_t kMaxPoints = 256;

    void forget_locked(uint32_t handle) VIADUCT_REQUIRES(mutex_);
    void share_locked(uint32_t handle) VIADUCT_REQUIRES(mutex_);
    void observe_transfer(const drm_syncobj_transfer& transfer) VIADUCT_REQUIRES(mutex_);
    void observe_handle(const drm_syncobj_handle& arg, bool is_import) VIADUCT_REQUIRES(mutex_);
    void forget_array(uint64_t handles, uint32_t count) VIADUCT_REQUIRES(mutex_);

    mutable Mutex mutex_;
    std::unordered_map<uint32_t, std::map<uint64_t, FenceOrigin>> fences_
        VIADUCT_GUARDED_BY(mutex_);  // by handle, point
    /// Syncobjs that another file can change behind our back, until their handle is destroyed.
    std::set<uint32_t> shared_ VIADUCT_GUARDED_BY(mutex_);
};

}  // namespace viaduct::guest
