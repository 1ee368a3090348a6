// FenceOrigins: which of our own submissions a syncobj's fence stands for.
#pragma once

#include <drm.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/mutex.h"
#include "guest-mesa/layer/gpu_counter.h"

namespace viaduct::guest {

/// DRM_IOCTL_SYNCOBJ_EVENTFD, drm.h of Linux 6.6: the node writes to a descriptor when a fence
/// signals. It begins with the handle.
constexpr unsigned kSyncobjEventfd = 0xcf;

/// A submission of this open file.
struct FenceOrigin {
    uint32_t context;
    RingIndex timeline;
    uint64_t seqno;
    /// Its number as a request, once it was sent.
    std::optional<uint32_t> request = {};
    /// Its context is gone, and its number may have another owner.
    bool is_orphan = false;
    /// If not null: it reaches `seqno` when all has ended that this context gave to the ring by
    /// then.
    std::shared_ptr<const GpuCounter> counter = {};
    int64_t sent_ns = 0;  // CLOCK_MONOTONIC, if there is a counter
};

/// The guest's kernel waits for in-fences before it sends a submission, in the thread that submits.
/// Where the fence is a submission of the same file, the host can order the two on the GPU instead;
/// to that end the layer remembers what each syncobj was last given. Whatever it did not see happen
/// is forgotten, and then waited for: being wrong only ever costs time. Thread-safe.
///
/// A caller that knows which submissions have ended learns here which fences have signalled.
class FenceOrigins {
  public:
    /// A submission is about to be sent that signals `point` of `handle` (0: a binary syncobj's
    /// fence).
    void set(uint32_t handle, uint64_t point, const FenceOrigin& origin);
    /// It was sent as `request`.
    void set_request(uint32_t handle, uint64_t point, const FenceOrigin& origin, uint32_t request);
    std::optional<FenceOrigin> find(uint32_t handle, uint64_t point) const;
    enum class State { kUnknown, kPending, kSignalled };
    /// Of what a wait for `point` of `handle` waits for. `has_finished(origin)`: all that was
    /// submitted to origin.timeline up to origin.request has ended; false if that is not known.
    template <typename HasFinished>
    State state(uint32_t handle, uint64_t point, HasFinished has_finished) {
        const LockGuard lock(mutex_);
        const auto entry = fences_.find(handle);
        if (entry == fences_.end()) return State::kUnknown;
        Fences& fences = entry->second;
        if (point == 0 ? fences.told_binary : point <= fences.told) return State::kSignalled;
        const FenceOrigin* const last = fences.find_last(point);
        if (!last) return State::kUnknown;
        if (!fences.has_ended(*last, has_finished)) return State::kPending;
        fences.told = std::max(fences.told, point);
        fences.told_binary |= point == 0;
        return State::kSignalled;
    }
    /// The newest point of `handle` that state() has called signalled, or would; 0: none.
    template <typename HasFinished>
    uint64_t newest_signalled(uint32_t handle, HasFinished has_finished) {
        const LockGuard lock(mutex_);
        const auto entry = fences_.find(handle);
        if (entry == fences_.end()) return 0;
        Fences& fences = entry->second;
        if (!fences.is_opaque) {
            const auto& origins = fences.origins;
            for (auto at = origins.rbegin(); at != origins.rend() && at->first > fences.told; ++at)
                if (fences.has_ended(at->second, has_finished)) fences.told = at->first;
        }
        return fences.told;
    }
    /// The newest point that a program was told of before the node may know, and whether point 0
    /// was.
    std::pair<uint64_t, bool> told(uint32_t handle) const;

    /// A fence that the node was not given, of a submission that passed it by. Those of the syncobj
    /// before it may be owed, too.
    struct Owed {
        uint32_t handle = 0;
        uint64_t point = 0;  // 0: a binary syncobj's fence
        RingIndex ring = {};
        std::optional<uint32_t> request = {};  // all that it was submitted with; nothing: unknown
        bool is_told = false;                  // a program was told that it has signalled
        /// The newest point before it that a program was told of, if the node was not.
        uint64_t told = 0;
    };
    // The caller sees to it that one thread at a time changes what the node has.
    /// Whether the node may be left without a fence of `ring` for `point` of `handle`.
    bool may_owe(uint32_t handle, uint64_t point, RingIndex ring) const;
    /// After set_request(): of a submission that passed the node by.
    void owe(uint32_t handle, uint64_t point, const FenceOrigin& origin, int64_t now);
    /// The node was given a fence for `point`, which stands for all before it.
    void given(uint32_t handle, uint64_t point);
    /// The node was given one that has signalled, and a program could not have seen it here.
    void signalled(uint32_t handle, uint64_t point);
    /// Whether the node was given nothing that a wait for `point` would end with, and that for no
    /// longer than `longest` (ns) before `now`.
    bool owes(uint32_t handle, uint64_t point, int64_t now, int64_t longest) const;
    /// The newest one of `handle`, if it is owed.
    std::optional<Owed> find_owed(uint32_t handle) const;
    /// Of all syncobjs.
    std::vector<uint32_t> owed_handles() const;
    bool has_ever_owed() const { return has_ever_owed_.load(std::memory_order_relaxed); }

    /// The submission of set() was refused, so the node has given the syncobj nothing.
    void take_back(uint32_t handle, uint64_t point, const FenceOrigin& origin);
    /// There is such a syncobj, without a fence; or with one that is not known.
    void begin(uint32_t handle);
    void begin_opaque(uint32_t handle);
    /// Another file can wait for what it will be given.
    void share(uint32_t handle);
    /// The syncobj is gone.
    void forget(uint32_t handle);
    /// The GPU context is gone, and its number may come back for another.
    void forget_context(uint32_t context);

    /// Learns from a generic ioctl: that has just succeeded, or, if it is SYNCOBJ_DESTROY, that is
    /// about to be made.
    void observe(unsigned long request, const void* argument);

  private:
    /// The fences of a syncobj.
    struct Fences {
        /// Points of a timeline that are worth remembering: nobody has more of them in flight.
        static constexpr size_t kMaxPoints = 256;

        std::map<uint64_t, FenceOrigin> origins;  // by point
        /// The ring of all fences that it has got, unless it is opaque. On a ring, work ends in its
        /// order: of a timeline that has one, the newest point tells of all before it.
        std::optional<RingIndex> ring;
        /// It may have fences that are not among these, or of several rings.
        bool is_opaque = false;
        /// The context of the newest, and whether it is that of all.
        std::optional<uint32_t> context;
        bool has_one_context = true;
        /// The newest point that state() has called signalled, and whether point 0 was. That stays
        /// true whatever joins them.
        uint64_t told = 0;
        bool told_binary = false;
        /// The newest that the node was not given, of the ring; and the newest that it was given.
        std::optional<uint64_t> owed;
        int64_t owed_since = 0;  // ns
        uint64_t given = 0;

        void set(uint64_t point, const FenceOrigin& origin);
        /// Whether `origin`, one of these, has ended, and all that joined the ring before it.
        template <typename HasFinished>
        bool has_ended(const FenceOrigin& origin, HasFinished has_finished) const {
            return has_finished(origin) || was_counted(origin);
        }
        bool was_counted(const FenceOrigin& origin) const;
        /// The whole of what a wait for `point` waits for; nothing: unknown.
        const FenceOrigin* find_last(uint64_t point) const;
    };

    void remove_locked(uint32_t handle) VIADUCT_REQUIRES(mutex_);
    void make_opaque_locked(uint32_t handle) VIADUCT_REQUIRES(mutex_);
    FenceOrigin* find_own(uint32_t handle, uint64_t point, const FenceOrigin& origin)
        VIADUCT_REQUIRES(mutex_);
    void share_locked(uint32_t handle) VIADUCT_REQUIRES(mutex_);
    void observe_transfer(const drm_syncobj_transfer& transfer) VIADUCT_REQUIRES(mutex_);
    void observe_handle(const drm_syncobj_handle& arg, bool is_import) VIADUCT_REQUIRES(mutex_);

    std::atomic<bool> has_ever_owed_ = false;
    mutable Mutex mutex_;
    std::unordered_map<uint32_t, Fences> fences_ VIADUCT_GUARDED_BY(mutex_);  // by handle
    /// Syncobjs that another file can change behind our back, until their handle is destroyed.
    std::set<uint32_t> shared_ VIADUCT_GUARDED_BY(mutex_);
};

}  // namespace viaduct::guest
