#include "guest-mesa/layer/fence_debts.h"

#include <drm.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "guest-mesa/layer/clock.h"
#include "guest-mesa/layer/syncobj.h"

namespace viaduct::guest {

namespace {

using Owed = FenceOrigins::Owed;

/// Of a fence that the host has shown: many times wire::FinishedWork::kLongestDelay.
constexpr int64_t kLongestReport = 1'000'000'000;  // ns
/// A program that names more syncobjs at once, or none where there must be some, pays for all.
constexpr uint32_t kMostNamed = 1024;

int signal(const Channel& channel, uint32_t handle, uint64_t point) {
    return point == 0 ? syncobj::signal(channel, handle)
                      : syncobj::signal_point(channel, handle, point);
}

int pay(const Channel& channel, Session& session, const Owed& owed)
    VIADUCT_REQUIRES(session.fence_order) {
    if (owed.is_told || (owed.request && session.stream->has_finished(owed.ring, *owed.request)))
        return signal(channel, owed.handle, owed.point);
    if (owed.told != 0) {
        if (const int error = signal(channel, owed.handle, owed.told); error < 0) return error;
        session.fences.given(owed.handle, owed.told);
    }
    const virtgpu::ExecbufferSyncobj out{owed.handle, 0, owed.point};
    return session.stream->signal(channel, owed.ring, {&out, 1});
}

int pay_if_owed(const Channel& channel, Session& session, uint32_t handle)
    VIADUCT_REQUIRES(session.fence_order) {
    const auto owed = session.fences.find_owed(handle);
    if (!owed) return 0;
    const int error = pay(channel, session, *owed);
    if (error == 0) session.fences.given(handle, owed->point);
    return error;
}

/// A thread that waits in the node says so first, and then pays for what it waits for.
bool may_pass_by(const Session& session, const GpuSubmission& submission) {
    if (!submission.may_pass_by || session.node_waits != 0 || !submission.bo_handles.empty())
        return false;
    const auto is_named_once = [&](uint32_t handle) {
        return std::ranges::count(submission.out, handle, &virtgpu::ExecbufferSyncobj::handle) == 1;
    };
    return std::ranges::all_of(submission.out, [&](const virtgpu::ExecbufferSyncobj& each) {
        return is_named_once(each.handle) &&
               session.fences.may_owe(each.handle, each.point, submission.ring);
    });
}

/// The syncobjs whose fences an ioctl shows or changes.
std::vector<uint32_t> concerned_by(Session& session, unsigned long request, const void* argument) {
    const auto named = [&](uint64_t address, uint32_t count) {
        if (address == 0 || count > kMostNamed) return session.fences.owed_handles();
        const auto* handles = reinterpret_cast<const uint32_t*>(static_cast<uintptr_t>(address));
        return std::vector<uint32_t>(handles, handles + count);
    };
    switch (_IOC_NR(request)) {
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_TRANSFER): {
            const auto& arg = *static_cast<const drm_syncobj_transfer*>(argument);
            return {arg.src_handle, arg.dst_handle};
        }
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE): {
            const auto& arg = *static_cast<const drm_syncobj_handle*>(argument);
            if (arg.flags & DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE) return {arg.handle};
            return {};
        }
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_QUERY):
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL): {
            const auto& arg = *static_cast<const drm_syncobj_timeline_array*>(argument);
            return named(arg.handles, arg.count_handles);
        }
        default:  // what a syncobj had is gone, or there is nothing yet
            return {};
    }
}

/// One that may wait for fences to come.
int transfer_when_it_is_there(const Channel& channel, Session& session, unsigned long request,
                              void* argument) {
    const NodeWait waits(session);
    if (const int error = pay_for(channel, session, concerned_by(session, request, argument));
        error < 0)
        return error;
    const int result = channel.ioctl(request, argument);
    if (result >= 0) session.fences.observe(request, argument);
    return result;
}

int send_in_order(const Channel& channel, Session& session, std::span<std::byte> request,
                  const GpuSubmission& submission, Receipt receipt, const FenceOrigin& origin)
    VIADUCT_REQUIRES(session.fence_order) {
    GpuSubmission sent = submission;
    sent.may_pass_by = may_pass_by(session, submission);
    std::vector<Owed> replaced;  // by a binary syncobj's next fence
    for (const auto& signalled : submission.out) {
        if (!sent.may_pass_by)
            if (const int error = pay_if_owed(channel, session, signalled.handle); error < 0)
                return error;
        if (signalled.point != 0) continue;
        if (const auto owed = session.fences.find_owed(signalled.handle)) replaced.push_back(*owed);
    }
    // Before it is sent: whoever sees the fence may at once give the syncobj another.
    for (const auto& signalled : submission.out)
        session.fences.set(signalled.handle, signalled.point, origin);
    Execution execution;
    const int error =
        session.stream->execute(channel, request, sent, std::move(receipt), execution);
    for (const auto& [handle, flags, point] : submission.out) {
        if (error < 0) {
            session.fences.take_back(handle, point, origin);
            continue;
        }
        session.fences.set_request(handle, point, origin, execution.seqno);
        if (execution.has_passed_by)
            session.fences.owe(handle, point, origin, monotonic_now());
        else
            session.fences.given(handle, point);
    }
    if (error < 0)
        for (const Owed& owed : replaced) pay(channel, session, owed);
    return error;
}

}  // namespace

// Nothing waits for the GPU under that lock: other threads may be about to let the GPU go on.
int send_work(const Channel& channel, Session& session, std::span<std::byte> request,
              const GpuSubmission& submission, Receipt receipt, const FenceOrigin& origin) {
    for (;;) {
        if (const int error = session.stream->make_room(channel); error < 0) return error;
        const LockGuard in_order(session.fence_order);
        if (session.stream->has_room())
            return send_in_order(channel, session, request, submission, std::move(receipt), origin);
    }
}

int pay_for(const Channel& channel, Session& session, std::span<const uint32_t> handles) {
    const LockGuard in_order(session.fence_order);
    for (const uint32_t handle : handles)
        if (const int error = pay_if_owed(channel, session, handle); error < 0) return error;
    return 0;
}

int signal_in_node(const Channel& channel, Session& session, uint32_t handle, uint64_t point) {
    const LockGuard in_order(session.fence_order);
    int error = pay_if_owed(channel, session, handle);
    if (error == 0) error = signal(channel, handle, point);
    if (error == 0) session.fences.signalled(handle, point);
    return error;
}

int let_the_node_know(const Channel& channel, Session& session, uint32_t handle,
                      Exposure exposure) {
    uint64_t point = 0;
    bool binary = false;
    {
        const LockGuard in_order(session.fence_order);
        if (const int error = pay_if_owed(channel, session, handle); error < 0) return error;
        std::tie(point, binary) = session.fences.told(handle);
        if (exposure == Exposure::kSyncobj) session.fences.share(handle);
    }
    if (point == 0 && !binary) return 0;
    const NodeWait waits(session);
    const int64_t deadline = monotonic_now() + kLongestReport;
    if (binary) {
        drm_syncobj_wait wait{};
        wait.handles = user_pointer(&handle);
        wait.count_handles = 1;
        wait.timeout_nsec = deadline;
        channel.ioctl(DRM_IOCTL_SYNCOBJ_WAIT, &wait);
    } else {
        syncobj::wait(channel, {&handle, 1}, {&point, 1}, deadline);
    }
    return 0;
}

int syncobj_ioctl(const Channel& channel, Session& session, unsigned long request, void* argument) {
    const auto number = static_cast<unsigned>(_IOC_NR(request));
    if (number == _IOC_NR(DRM_IOCTL_SYNCOBJ_TRANSFER) &&
        static_cast<const drm_syncobj_transfer*>(argument)->flags != 0)
        return transfer_when_it_is_there(channel, session, request, argument);
    const bool exports = number == _IOC_NR(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD);
    if (exports || number == kSyncobjEventfd) {
        // Both begin with the handle.
        const bool copies = exports && (static_cast<const drm_syncobj_handle*>(argument)->flags &
                                        DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE);
        if (const int error =
                let_the_node_know(channel, session, *static_cast<const uint32_t*>(argument),
                                  copies ? Exposure::kFence : Exposure::kSyncobj);
            error < 0)
            return error;
    }
    const LockGuard in_order(session.fence_order);
    for (const uint32_t handle : concerned_by(session, request, argument))
        if (const int error = pay_if_owed(channel, session, handle); error < 0) return error;
    // A handle is forgotten before it goes: its number may be another thread's at once.
    const bool destroys = number == _IOC_NR(DRM_IOCTL_SYNCOBJ_DESTROY);
    if (destroys) session.fences.observe(request, argument);
    const int result = channel.ioctl(request, argument);
    if (result >= 0 && !destroys) session.fences.observe(request, argument);
    return result;
}

}  // namespace viaduct::guest
