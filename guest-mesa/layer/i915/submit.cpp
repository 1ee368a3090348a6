// EXECBUFFER2.
#include <chrono>
#include <limits>

#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/fence_debts.h"
#include "guest-mesa/layer/fence_waits.h"
#include "guest-mesa/layer/i915/driver.h"
#include "guest-mesa/layer/i915/submission.h"
#include "guest-mesa/layer/syncobj.h"

namespace viaduct::guest::i915 {

namespace {

int wait_for_sync_file(const Channel& channel, int fd) {
    constexpr std::chrono::milliseconds kSlice(1000);
    for (;;)
        if (const int ready = channel.kernel.wait_readable(fd, kSlice); ready != 0)
            return ready < 0 ? ready : 0;
}

}  // namespace

/// Sees to it that the submission runs after its in-fences. Earlier work of the same context on the
/// same ring is in order anyway. The others are waited for here: the node would do the same, but
/// while it does, no other thread could send anything, and what the fence depends on may be just
/// that. A fence that nobody has submitted is an error, as for the kernel.
int Driver::wait_for_fences(const Channel& channel, const Submission& submission, RingIndex ring) {
    std::vector<uint32_t> handles;
    std::vector<uint64_t> points;
    for (const auto& fence : submission.in()) {
        const auto origin = session_.fences.find(fence.handle, fence.point);
        if (origin && origin->context == submission.context() && origin->timeline == ring) continue;
        handles.push_back(fence.handle);
        points.push_back(fence.point);
    }
    if (submission.in_fence() >= 0)
        if (const int error = wait_for_sync_file(channel, submission.in_fence()); error < 0)
            return error;
    IoctlNotes::add("waits={}", handles.size());
    if (handles.empty()) return 0;
    return wait_for_points(channel, session_, handles, points, std::numeric_limits<int64_t>::max(),
                           DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL);
}

/// Numbers the submission, sends it, and ties its end to the timeline's next point.
int Driver::send(const Channel& channel, Submission& submission, RingIndex ring) {
    std::vector<std::byte> request = submission.request();
    Timeline& timeline = timelines_[ring.value()];
    const LockGuard in_order(timeline.order);
    if (timeline.syncobj == 0) {
        if (const int error = syncobj::create(channel, timeline.syncobj); error < 0) return error;
        session_.fences.begin(timeline.syncobj);
    }
    const uint64_t point = timeline.points + 1;
    auto out = submission.out();
    out.push_back({timeline.syncobj, 0, point});
    const GpuSubmission gpu{ring, out, submission.shared_handles(),
                            /*may_pass_by=*/!submission.wants_out_fence()};
    if (const int error =
            send_work(channel, session_, request, gpu, Receipt{submission.context(), {}},
                      {.context = submission.context(), .timeline = ring, .seqno = point});
        error < 0)
        return error;
    timeline.points = point;
    session_.gems.add_use(submission.handles(), {ring, point});
    return 0;
}

int Driver::execbuffer2(const Channel& channel, drm_i915_gem_execbuffer2& arg) {
    Submission submission;
    if (const int error = submission.parse(channel, session_.gems, arg); error < 0) return error;
    const RingIndex ring = submission.ring();
    IoctlNotes::add("ctx={} ring={} buffers={} in={} out={}", submission.context(), ring,
                    submission.handles().size(), submission.in().size(), submission.out().size());
    if (is_banned(submission.context())) return -EIO;
    note_use(submission.context());
    if (const int error = wait_for_fences(channel, submission, ring); error < 0) return error;
    uint32_t out_fence = 0;  // a syncobj that takes it
    if (submission.wants_out_fence()) {
        session_.share();
        if (const int error = syncobj::create(channel, out_fence); error < 0) return error;
        submission.out().push_back({out_fence, 0, 0});
    }
    int result = send(channel, submission, ring);
    if (submission.wants_out_fence()) {
        session_.fences.forget(out_fence);
        if (result == 0)
            result = syncobj::export_fd(channel, out_fence,
                                        DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE);
        syncobj::destroy(channel, out_fence);
        if (result >= 0) {
            constexpr unsigned kOutShift = 32;
            arg.rsvd2 = (arg.rsvd2 & UINT32_MAX) | uint64_t{static_cast<uint32_t>(result)}
                                                       << kOutShift;
            result = 0;
        }
    }
    return result < 0 && stream().lost() ? -EIO : result;
}

}  // namespace viaduct::guest::i915
