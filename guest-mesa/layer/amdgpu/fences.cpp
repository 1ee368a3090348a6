#include <algorithm>
#include <limits>

#include "guest-mesa/layer/amdgpu/driver.h"
#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/fence_debts.h"
#include "guest-mesa/layer/fence_waits.h"
#include "guest-mesa/layer/syncobj.h"
#include "guest-mesa/layer/virtgpu_ioctls.h"

namespace viaduct::guest::amdgpu {

namespace {

constexpr size_t kMaxRuns = 64;        // of a SeqnoMap, before it is worth a look at the timeline
constexpr uint32_t kMaxFences = 4096;  // of one WAIT_FENCES; the kernel has no limit but memory

/// The kernel's timeouts are absolute, unsigned and CLOCK_MONOTONIC; a syncobj's are signed.
int64_t to_deadline(uint64_t timeout) {
    return static_cast<int64_t>(std::min<uint64_t>(timeout, std::numeric_limits<int64_t>::max()));
}

}  // namespace

/// The timeline point behind a fence's name: -EINVAL if there is no such context, ring or
/// submission.
int Driver::find_fence(const drm_amdgpu_fence& fence, FencePoint& found) {
    const auto number = numbering_.find(fence.ip_type, fence.ring);
    if (!number || fence.ip_instance != 0) return -EINVAL;
    if (!find_context(fence.ctx_id)) return -EINVAL;
    Timeline& timeline = timeline_of(RingIndex(*number));
    found = {timeline.syncobj, 0};
    const LockGuard lock(timeline.mutex);
    const auto seqnos = timeline.contexts.find(fence.ctx_id);
    const uint64_t last = seqnos == timeline.contexts.end() ? 0 : seqnos->second.last();
    // All ones means "the newest", as amdgpu_ctx_get_fence() has it.
    const uint64_t seqno = fence.seq_no == ~uint64_t{0} ? last : uint64_t{fence.seq_no};
    if (seqno > last) return -EINVAL;
    if (seqno) found.point = seqnos->second.find(seqno).value_or(0);
    return 0;
}

/// Keeps the numbering of contexts that take turns on a ring from growing for ever.
void Driver::trim(const Channel& channel, Timeline& timeline) {
    {
        const LockGuard lock(timeline.mutex);
        const bool crowded =
            std::any_of(timeline.contexts.begin(), timeline.contexts.end(),
                        [](const auto& each) { return each.second.runs() > kMaxRuns; });
        if (!crowded) return;
    }
    uint64_t reached = 0;
    if (query_point(channel, session_, timeline.syncobj, reached) < 0) return;
    const LockGuard lock(timeline.mutex);
    for (auto& [id, seqnos] : timeline.contexts) seqnos.forget_until(reached);
}

int Driver::wait_cs(const Channel& channel, drm_amdgpu_wait_cs& arg) {
    const drm_amdgpu_wait_cs_in in = arg.in;
    drm_amdgpu_fence fence{};
    fence.ctx_id = in.ctx_id;
    fence.ip_type = in.ip_type;
    fence.ip_instance = in.ip_instance;
    fence.ring = in.ring;
    fence.seq_no = in.handle;
    IoctlNotes::add("ctx={} ip={} ring={} seqno={}", uint32_t{in.ctx_id}, uint32_t{in.ip_type},
                    uint32_t{in.ring}, uint64_t{in.handle});
    FencePoint point;
    if (const int error = find_fence(fence, point); error < 0) return error;
    int result = 0;
    if (point.point)
        result = wait_for_points(channel, session_, {&point.syncobj, 1}, {&point.point, 1},
                                 to_deadline(in.timeout));
    if (result < 0 && result != -ETIME) return result;
    arg = {};
    arg.out.status = result == -ETIME ? 1 : 0;
    IoctlNotes::add("busy={}", uint64_t{arg.out.status});
    return 0;
}

int Driver::wait_fences(const Channel& channel, drm_amdgpu_wait_fences& arg) {
    const drm_amdgpu_wait_fences_in in = arg.in;
    IoctlNotes::add("fences={} all={}", uint32_t{in.fence_count}, uint32_t{in.wait_all});
    if (in.fence_count == 0 || in.fence_count > kMaxFences || !in.fences) return -EINVAL;
    const auto* fences =
        reinterpret_cast<const drm_amdgpu_fence*>(static_cast<uintptr_t>(in.fences));
    std::vector<uint32_t> handles;
    std::vector<uint64_t> points;
    uint32_t first = in.fence_count;
    for (uint32_t i = 0; i < in.fence_count; ++i) {
        FencePoint point;
        if (const int error = find_fence(fences[i], point); error < 0) return error;
        if (!point.point) {
            first = std::min(first, i);
            continue;
        }
        handles.push_back(point.syncobj);
        points.push_back(point.point);
    }
    arg = {};
    arg.out.status = 1;
    const bool any_done = first < in.fence_count;
    if (handles.empty() || (any_done && !in.wait_all)) {
        arg.out.first_signaled = any_done ? first : 0;
        return 0;
    }
    uint32_t index = 0;
    const int result =
        wait_for_points(channel, session_, handles, points, to_deadline(in.timeout_ns),
                        in.wait_all ? DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL : 0, &index);
    if (result == -ETIME) {
        arg.out.status = 0;
        return 0;
    }
    if (result < 0) return result;
    // Waiting for any, none was left out above: the node's index is the caller's.
    if (!in.wait_all) arg.out.first_signaled = index;
    return 0;
}

int Driver::fence_to_handle(const Channel& channel, drm_amdgpu_fence_to_handle& arg) {
    const auto in = arg.in;
    IoctlNotes::add("ctx={} seqno={} what={}", uint32_t{in.fence.ctx_id}, uint64_t{in.fence.seq_no},
                    uint32_t{in.what});
    FencePoint point;
    if (const int error = find_fence(in.fence, point); error < 0) return error;
    if (in.what > AMDGPU_FENCE_TO_HANDLE_GET_SYNC_FILE_FD) return -EINVAL;

    if (const int error = let_the_node_know(channel, session_, point.syncobj); error < 0)
        return error;
    if (in.what != AMDGPU_FENCE_TO_HANDLE_GET_SYNCOBJ) session_.share();
    // A binary syncobj that holds the fence; of one that is complete, the timeline's beginning.
    drm_syncobj_create create{};
    if (point.point == 0) create.flags = DRM_SYNCOBJ_CREATE_SIGNALED;
    if (const int error = channel.ioctl(DRM_IOCTL_SYNCOBJ_CREATE, &create); error < 0) return error;
    const uint32_t handle = create.handle;
    int result = 0;
    if (point.point) result = syncobj::copy_point(channel, point.syncobj, point.point, handle);
    arg = {};
    if (result >= 0 && in.what == AMDGPU_FENCE_TO_HANDLE_GET_SYNCOBJ) {
        session_.fences.begin_opaque(handle);
        arg.out.handle = handle;
        return 0;
    }
    if (result >= 0) {
        const uint32_t flags = in.what == AMDGPU_FENCE_TO_HANDLE_GET_SYNC_FILE_FD
                                   ? DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE
                                   : 0;
        result = syncobj::export_fd(channel, handle, flags);
    }
    syncobj::destroy(channel, handle);
    if (result < 0) return result;
    arg.out.handle = static_cast<uint32_t>(result);
    return 0;
}

}  // namespace viaduct::guest::amdgpu
