#include "guest-mesa/layer/xe/syncs.h"

#include <cerrno>
#include <cstring>
#include <limits>

#include "guest-mesa/layer/fence_debts.h"
#include "guest-mesa/layer/fence_waits.h"
#include "guest-mesa/layer/syncobj.h"
#include "uapi/xe.h"

namespace viaduct::guest::xe {

namespace {

constexpr uint32_t kMostSyncs = 1024;  // DRM_XE_MAX_SYNCS of later kernels

int parse_user_fence(const uapi::xe::Sync& sync, Syncs& syncs) {
    if (!(sync.flags & uapi::xe::kSyncSignal)) return -EOPNOTSUPP;
    if (sync.handle_or_addr % sizeof(uint64_t) != 0 || syncs.user_fence) return -EINVAL;
    syncs.user_fence.emplace(sync.handle_or_addr, sync.timeline_value);
    return 0;
}

int parse_entry(const uapi::xe::Sync& sync, Syncs& syncs) {
    if (sync.flags & ~uapi::xe::kSyncSignal || sync.reserved[0] || sync.reserved[1]) return -EINVAL;
    if (sync.type == uapi::xe::kSyncUserFence) return parse_user_fence(sync, syncs);
    const bool timeline = sync.type == uapi::xe::kSyncTimelineSyncobj;
    if (!timeline && sync.type != uapi::xe::kSyncSyncobj) return -EINVAL;
    if (sync.handle_or_addr >> 32 != 0 || (timeline && sync.timeline_value == 0)) return -EINVAL;
    auto& list = sync.flags & uapi::xe::kSyncSignal ? syncs.out : syncs.in;
    list.push_back(
        {static_cast<uint32_t>(sync.handle_or_addr), 0, timeline ? sync.timeline_value : 0});
    return 0;
}

}  // namespace

int Syncs::parse(uint64_t pointer, uint32_t count) {
    if (count > kMostSyncs) return -EINVAL;
    if (count != 0 && pointer == 0) return -EFAULT;
    for (uint32_t i = 0; i < count; ++i) {
        uapi::xe::Sync sync;
        std::memcpy(&sync, reinterpret_cast<const uapi::xe::Sync*>(pointer) + i, sizeof(sync));
        if (const int error = parse_entry(sync, *this); error < 0) return error;
    }
    return 0;
}

int Syncs::wait(const Channel& channel, Session& session, RingIndex ring) const {
    std::vector<uint32_t> handles;
    std::vector<uint64_t> points;
    for (const auto& entry : in) {
        const auto origin = session.fences.find(entry.handle, entry.point);
        if (ring != RingIndex() && origin && origin->timeline == ring) continue;
        handles.push_back(entry.handle);
        points.push_back(entry.point);
    }
    if (handles.empty()) return 0;
    return wait_for_points(channel, session, handles, points, std::numeric_limits<int64_t>::max(),
                           DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL);
}

int Syncs::signal(const Channel& channel, Session& session) const {
    for (const auto& entry : out) {
        const int error = signal_in_node(channel, session, entry.handle, entry.point);
        if (error < 0) return error;
    }
    if (user_fence)
        __atomic_store_n(reinterpret_cast<uint64_t*>(user_fence->first), user_fence->second,
                         __ATOMIC_RELEASE);
    return 0;
}

}  // namespace viaduct::guest::xe
