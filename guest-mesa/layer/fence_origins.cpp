#include "guest-mesa/layer/fence_origins.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <span>

#include "guest-mesa/layer/clock.h"

namespace viaduct::guest {

namespace {

std::span<const uint32_t> handles_at(uint64_t address, uint32_t count) {
    return {reinterpret_cast<const uint32_t*>(static_cast<uintptr_t>(address)), count};
}

}  // namespace

// A binary syncobj's fence replaces everything; a point joins the others.
void FenceOrigins::Fences::set(uint64_t point, const FenceOrigin& origin) {
    if (point == 0) *this = {};
    const uint64_t newest = origins.empty() ? told : std::max(told, origins.rbegin()->first);
    const bool is_behind = point != 0 && point <= newest;  // then only the node knows
    if (is_behind) told = 0;
    const bool is_all_told = newest != 0 ? told == newest : origins.empty() || told_binary;
    if (is_all_told && !is_behind) {
        has_one_context = true;
        context.reset();
    }
    origins[point] = origin;
    told_binary = false;
    is_opaque |= is_behind || (ring && *ring != origin.timeline);
    ring = origin.timeline;
    has_one_context &= !context || *context == origin.context;
    context = origin.context;
    if (origins.size() <= kMaxPoints) return;
    has_one_context &= origins.begin()->first <= told;  // else its age would be forgotten, too
    origins.erase(origins.begin());
}

// A job that a kernel kills because it takes too long has its number written, too
// (amdgpu_ring_soft_recovery()), and so has what runs after it; the host shows such an end behind
// the reset. Kernels give a job more time than this, unless they are told otherwise.
bool FenceOrigins::Fences::was_counted(const FenceOrigin& origin) const {
    constexpr int64_t kLongest = 1'000'000'000;  // ns
    if (!has_one_context || !origin.counter || !origin.counter->has_reached(origin.seqno))
        return false;
    const auto oldest = told != 0 ? origins.upper_bound(told) : origins.begin();
    return oldest != origins.end() && monotonic_now() - oldest->second.sent_ns < kLongest;
}

// A binary wait is for whatever the syncobj holds.
const FenceOrigin* FenceOrigins::Fences::find_last(uint64_t point) const {
    const auto found = origins.lower_bound(point);
    if (is_opaque || found == origins.end()) return nullptr;
    if (point == 0 && (found->first != 0 || origins.size() != 1)) return nullptr;
    return &found->second;
}

void FenceOrigins::set(uint32_t handle, uint64_t point, const FenceOrigin& origin) {
    const LockGuard lock(mutex_);
    if (!shared_.count(handle)) fences_[handle].set(point, origin);
}

// Another thread may have given the point another since.
FenceOrigin* FenceOrigins::find_own(uint32_t handle, uint64_t point, const FenceOrigin& origin) {
    const auto fence = fences_.find(handle);
    if (fence == fences_.end()) return nullptr;
    const auto at = fence->second.origins.find(point);
    if (at == fence->second.origins.end()) return nullptr;
    const FenceOrigin& known = at->second;
    const bool is_own = known.context == origin.context && known.timeline == origin.timeline &&
                        known.seqno == origin.seqno;
    return is_own ? &at->second : nullptr;
}

void FenceOrigins::set_request(uint32_t handle, uint64_t point, const FenceOrigin& origin,
                               uint32_t request) {
    const LockGuard lock(mutex_);
    if (FenceOrigin* const known = find_own(handle, point, origin)) known->request = request;
}

void FenceOrigins::take_back(uint32_t handle, uint64_t point, const FenceOrigin& origin) {
    const LockGuard lock(mutex_);
    if (!find_own(handle, point, origin)) return;
    if (point == 0) return make_opaque_locked(handle);  // what it held before was forgotten
    fences_[handle].origins.erase(point);
}

// A fence that is owed takes its place behind those that the node has: of the same ring, or, for a
// binary syncobj, in their place. The node knows of errors in handles.
bool FenceOrigins::may_owe(uint32_t handle, uint64_t point, RingIndex ring) const {
    const LockGuard lock(mutex_);
    const auto fence = fences_.find(handle);
    if (fence == fences_.end()) return false;
    const Fences& fences = fence->second;
    if (point == 0) return true;
    const uint64_t newest = fences.origins.empty()
                                ? fences.told
                                : std::max(fences.told, fences.origins.rbegin()->first);
    return !fences.is_opaque && (!fences.ring || *fences.ring == ring) && point > newest &&
           point > fences.given;
}

void FenceOrigins::owe(uint32_t handle, uint64_t point, const FenceOrigin& origin, int64_t now) {
    const LockGuard lock(mutex_);
    if (!find_own(handle, point, origin)) return;
    fences_[handle].owed = point;
    fences_[handle].owed_since = now;
    has_ever_owed_.store(true, std::memory_order_relaxed);
}

void FenceOrigins::given(uint32_t handle, uint64_t point) {
    const LockGuard lock(mutex_);
    const auto fence = fences_.find(handle);
    if (fence == fences_.end()) return;
    Fences& fences = fence->second;
    if (fences.owed && *fences.owed <= point) fences.owed.reset();
    fences.given = std::max(fences.given, point);
}

void FenceOrigins::signalled(uint32_t handle, uint64_t point) {
    const LockGuard lock(mutex_);
    const auto fence = fences_.find(handle);
    if (fence == fences_.end()) return;
    if (point == 0)
        fence->second = {};
    else
        fence->second.given = std::max(fence->second.given, point);
}

bool FenceOrigins::owes(uint32_t handle, uint64_t point, int64_t now, int64_t longest) const {
    const LockGuard lock(mutex_);
    const auto fence = fences_.find(handle);
    if (fence == fences_.end() || !fence->second.owed) return false;
    return (point == 0 || point > fence->second.given) && now - fence->second.owed_since < longest;
}

std::optional<FenceOrigins::Owed> FenceOrigins::find_owed(uint32_t handle) const {
    const LockGuard lock(mutex_);
    const auto fence = fences_.find(handle);
    if (fence == fences_.end() || !fence->second.owed) return std::nullopt;
    const Fences& fences = fence->second;
    Owed owed{.handle = handle, .point = *fences.owed, .ring = fences.ring.value_or(RingIndex())};
    if (const auto origin = fences.origins.find(owed.point); origin != fences.origins.end())
        owed.request = origin->second.request;
    owed.is_told = owed.point == 0 ? fences.told_binary : fences.told >= owed.point;
    if (fences.told > fences.given && fences.told < owed.point) owed.told = fences.told;
    return owed;
}

std::vector<uint32_t> FenceOrigins::owed_handles() const {
    const LockGuard lock(mutex_);
    std::vector<uint32_t> handles;
    for (const auto& [handle, fences] : fences_)
        if (fences.owed) handles.push_back(handle);
    return handles;
}

std::pair<uint64_t, bool> FenceOrigins::told(uint32_t handle) const {
    const LockGuard lock(mutex_);
    const auto fence = fences_.find(handle);
    if (fence == fences_.end()) return {0, false};
    return {fence->second.told, fence->second.told_binary};
}

std::optional<FenceOrigin> FenceOrigins::find(uint32_t handle, uint64_t point) const {
    const LockGuard lock(mutex_);
    const auto fence = fences_.find(handle);
    if (fence == fences_.end()) return std::nullopt;
    const auto origin = fence->second.origins.find(point);
    if (origin == fence->second.origins.end() || origin->second.is_orphan) return std::nullopt;
    return origin->second;
}

void FenceOrigins::begin(uint32_t handle) {
    const LockGuard lock(mutex_);
    fences_[handle] = {};
}

void FenceOrigins::begin_opaque(uint32_t handle) {
    const LockGuard lock(mutex_);
    remove_locked(handle);
    make_opaque_locked(handle);
}

void FenceOrigins::share(uint32_t handle) {
    const LockGuard lock(mutex_);
    share_locked(handle);
}

void FenceOrigins::forget(uint32_t handle) {
    const LockGuard lock(mutex_);
    remove_locked(handle);
}

void FenceOrigins::make_opaque_locked(uint32_t handle) {
    if (shared_.count(handle)) return;
    Fences& fences = fences_[handle];
    fences.origins.clear();
    fences.is_opaque = true;
    fences.told_binary = false;
}

void FenceOrigins::remove_locked(uint32_t handle) {
    fences_.erase(handle);
}

void FenceOrigins::share_locked(uint32_t handle) {
    remove_locked(handle);
    shared_.insert(handle);
}

void FenceOrigins::forget_context(uint32_t context) {
    const LockGuard lock(mutex_);
    for (auto& [handle, fences] : fences_) {
        for (auto& [point, origin] : fences.origins) origin.is_orphan |= origin.context == context;
        fences.has_one_context &= fences.context != context;  // the next of that number is another
    }
}

// A point that is transferred waits for all before it, too.
void FenceOrigins::observe_transfer(const drm_syncobj_transfer& transfer) {
    std::optional<FenceOrigin> origin;
    bool is_whole = false, has_one_context = true;
    if (const auto source = fences_.find(transfer.src_handle); source != fences_.end()) {
        const auto& origins = source->second.origins;
        if (const auto at = origins.find(transfer.src_point); at != origins.end()) {
            origin = at->second;
            is_whole = source->second.find_last(transfer.src_point) == &at->second;
            has_one_context = source->second.has_one_context;
        }
    }
    if (shared_.count(transfer.dst_handle)) return;
    if (transfer.dst_point == 0) remove_locked(transfer.dst_handle);
    Fences& target = fences_[transfer.dst_handle];
    if (origin)
        target.set(transfer.dst_point, *origin);
    else
        target.origins.erase(transfer.dst_point);
    target.is_opaque |= !is_whole;
    target.has_one_context &= has_one_context;
    target.told_binary = false;
}

void FenceOrigins::observe_handle(const drm_syncobj_handle& arg, bool is_import) {
    static_assert(DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE ==
                  DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE);
    const bool is_sync_file = arg.flags & DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE;
    // A sync file is a copy of a fence; any other descriptor is the syncobj itself.
    if (!is_sync_file) {
        share_locked(arg.handle);
    } else if (is_import) {
        remove_locked(arg.handle);
        make_opaque_locked(arg.handle);
    }
}

void FenceOrigins::observe(unsigned long request, const void* argument) {
    const auto number = static_cast<unsigned>(_IOC_NR(request));
    if (number < _IOC_NR(DRM_IOCTL_SYNCOBJ_CREATE) || number > kSyncobjEventfd || !argument) return;
    const LockGuard lock(mutex_);
    switch (number) {
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_CREATE):
            fences_[static_cast<const drm_syncobj_create*>(argument)->handle] = {};
            break;
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_DESTROY):
            remove_locked(static_cast<const drm_syncobj_destroy*>(argument)->handle);
            shared_.erase(static_cast<const drm_syncobj_destroy*>(argument)->handle);
            break;
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD):
            observe_handle(*static_cast<const drm_syncobj_handle*>(argument), false);
            break;
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE):
            observe_handle(*static_cast<const drm_syncobj_handle*>(argument), true);
            break;
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_RESET):
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_SIGNAL): {
            const auto& arg = *static_cast<const drm_syncobj_array*>(argument);
            for (const uint32_t handle : handles_at(arg.handles, arg.count_handles))
                if (const auto known = fences_.find(handle); known != fences_.end())
                    known->second = {};
            break;
        }
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL): {
            const auto& arg = *static_cast<const drm_syncobj_timeline_array*>(argument);
            for (const uint32_t handle : handles_at(arg.handles, arg.count_handles))
                make_opaque_locked(handle);
            break;
        }
        case kSyncobjEventfd:  // of fences to come, too
            share_locked(*static_cast<const uint32_t*>(argument));
            break;
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_TRANSFER):
            observe_transfer(*static_cast<const drm_syncobj_transfer*>(argument));
            break;
        default:
            break;
    }
}

}  // namespace viaduct::guest
