#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <map>
#include <utility>

#include "guest-mesa/layer/amdgpu/driver.h"
#include "guest-mesa/layer/clock.h"
#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/fence_debts.h"
#include "guest-mesa/layer/fence_waits.h"
#include "wire/amdgpu_info.h"

namespace viaduct::guest::amdgpu {

namespace {

/// The length of a chunk has 16 bits and counts dwords, of which an entry has two.
constexpr size_t kMaxListed = UINT16_MAX / 2;

/// How long a submission waits for a fence that it was told to expect; the kernel's own limit
/// (drm_syncobj_find_fence).
constexpr int64_t kWaitForSubmitNs = 5'000'000'000;

int wait_for_all(const Channel& channel, Session& session,
                 const std::vector<virtgpu::ExecbufferSyncobj>& fences, int64_t deadline,
                 uint32_t flags) {
    std::vector<uint32_t> handles;
    std::vector<uint64_t> points;
    for (const auto& entry : fences) {
        handles.push_back(entry.handle);
        points.push_back(entry.point);
    }
    return wait_for_points(channel, session, handles, points, deadline,
                           flags | DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL);
}

/// Waits until all of `fences` exist.
int wait_until_available(const Channel& channel, Session& session,
                         const std::vector<virtgpu::ExecbufferSyncobj>& fences) {
    return wait_for_all(
        channel, session, fences, monotonic_now() + kWaitForSubmitNs,
        DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT | DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE);
}

/// One line per process: what is too long once will be again.
void report_size(const Submission& submission, const BufferList& buffers) {
    static std::atomic<bool> reported = false;
    if (reported.exchange(true)) return;
    print_line(fmt::format(
        "a submission with {} buffers, {} IBs and {} dependencies is refused: the host's protocol "
        "has room for {} buffers and {} chunks",
        buffers.entries.size(), submission.ibs.size(), submission.dependencies.size(), kMaxListed,
        wire::kMaxChunks));
}

/// The smallest limit that a kernel has for a ring (amdgpu_ring.c: amdgpu_ring_max_ibs()).
constexpr size_t kIbsThatAlwaysFit = 16;

}  // namespace

/// True for more IBs on a ring than the host's kernel takes, which would refuse them when the
/// driver no longer listens.
bool Driver::has_too_many_ibs(const Channel& channel, const Submission& submission) {
    if (submission.ibs.size() <= kIbsThatAlwaysFit) return false;
    std::array<uint32_t, wire::kIpTypes> limits{};
    const InfoAnswer answer = query_info(channel, {wire::kInfoMaxIbs, {}}, sizeof(limits));
    if (answer.result < 0 || answer.bytes.size() != sizeof(limits)) return false;
    std::memcpy(limits.data(), answer.bytes.data(), sizeof(limits));
    std::map<std::pair<uint32_t, uint32_t>, uint32_t> counts;  // by IP type and ring
    for (const auto& ib : submission.ibs) {
        const uint32_t limit = ib.ip_type < limits.size() ? limits[ib.ip_type] : 0;
        if (++counts[{ib.ip_type, ib.ring}] > limit && limit != 0) return true;
    }
    return false;
}

/// The submission's buffers from its own list, its BO_LIST and those always listed.
int Driver::collect_buffers(const Channel& channel, Submission& submission, BufferList& buffers) {
    std::vector<drm_amdgpu_bo_list_entry>& entries = submission.buffers;
    {
        const LockGuard lock(mutex_);
        if (submission.bo_list) {
            const auto list = bo_lists_.find(submission.bo_list);
            if (list == bo_lists_.end()) return -ENOENT;
            entries = list->second;
        }
        for (const GemHandle handle : always_listed_) entries.push_back({handle.value(), 0});
    }
    buffers.entries.reserve(entries.size());
    buffers.handles.reserve(entries.size());
    for (const auto& entry : entries) {
        const GemHandle handle(entry.bo_handle);
        const auto object = session_.gems.find(channel, handle);
        if (!object) return -ENOENT;
        buffers.entries.push_back({object->resource.value(), entry.bo_priority});
        buffers.handles.push_back(handle);
        if (object->shared) buffers.shared_handles.push_back(handle);
    }
    if (submission.user_fence) {
        const GemHandle handle(submission.user_fence->handle);
        const auto object = session_.gems.find(channel, handle);
        if (!object) return -ENOENT;
        buffers.user_fence = {object->resource.value(), submission.user_fence->offset};
        buffers.handles.push_back(handle);
    }
    // amdgpu takes a buffer that is listed twice (imported under a handle that there was already);
    // the node locks each, and refuses the second time.
    auto& shared = buffers.shared_handles;
    std::sort(shared.begin(), shared.end());
    shared.erase(std::unique(shared.begin(), shared.end()), shared.end());
    return 0;
}

/// Sees to it that the submission runs after its in-fences. Those of this file become dependencies,
/// which the host's scheduler minds, or nothing, if they are earlier work of the same context and
/// ring. The others are waited for here: the node would do the same (virtgpu-uapi.md, section 7),
/// but while it does, no other thread could send anything, and what the fence depends on may be
/// just that.
int Driver::resolve_in_fences(const Channel& channel, Submission& submission) {
    if (submission.wait_for_submit) {
        if (const int error = wait_until_available(channel, session_, submission.in); error < 0)
            return error;
    }
    std::vector<virtgpu::ExecbufferSyncobj> unknown;
    for (const auto& entry : submission.in) {
        const auto origin = session_.fences.find(entry.handle, entry.point);
        if (!origin) {
            unknown.push_back(entry);
            continue;
        }
        if (origin->context == submission.context && origin->timeline == submission.timeline)
            continue;
        const auto [ip_type, ring] = numbering_.hardware(origin->timeline.value());
        submission.dependencies.push_back({ip_type, 0, ring, origin->context, origin->seqno});
    }
    IoctlNotes::add("dependencies={} waits={}", submission.dependencies.size(), unknown.size());
    if (unknown.empty()) return 0;
    return wait_for_all(channel, session_, unknown, std::numeric_limits<int64_t>::max(), 0);
}

/// The number that the GPU counts up to `seqno`; null if the driver has not asked for one.
std::shared_ptr<const GpuCounter> Driver::counter_of(const Channel& channel,
                                                     const Submission& submission, uint64_t seqno) {
    if (!submission.user_fence || !stream().shows_finished()) return nullptr;
    const auto object = session_.gems.find_known(GemHandle(submission.user_fence->handle));
    if (!object) return nullptr;
    return user_fences_.find(channel, *submission.user_fence, *object,
                             {submission.context, submission.timeline, seqno});
}

/// Numbers the submission, sends it, and ties its end to the timeline's next point.
int Driver::send_submission(const Channel& channel, const Submission& submission,
                            const BufferList& buffers, uint64_t& seqno) {
    std::vector<std::byte> request = build_request(submission, buffers);
    if (request.empty()) {
        report_size(submission, buffers);
        return -EINVAL;
    }

    Timeline& timeline = timeline_of(submission.timeline);
    const LockGuard in_order(timeline.order);
    uint64_t point = 0;
    {
        const LockGuard lock(timeline.mutex);
        point = timeline.points + 1;
        seqno = timeline.contexts[submission.context].last() + 1;
    }
    std::vector<virtgpu::ExecbufferSyncobj> out = submission.out;
    out.push_back({timeline.syncobj, 0, point});
    const GpuSubmission gpu{submission.timeline, out, buffers.shared_handles,
                            /*may_pass_by=*/true};
    if (const int error =
            send_work(channel, session_, request, gpu, Receipt{submission.context, {}},
                      {.context = submission.context,
                       .timeline = submission.timeline,
                       .seqno = seqno,
                       .counter = counter_of(channel, submission, seqno),
                       .sent_ns = monotonic_now()});
        error < 0)
        return error;
    {
        const LockGuard lock(timeline.mutex);
        timeline.points = point;
        timeline.contexts[submission.context].append(point);
    }
    session_.gems.add_use(buffers.handles, {submission.timeline, point});
    trim(channel, timeline);
    return 0;
}

int Driver::cs(const Channel& channel, drm_amdgpu_cs& arg) {
    const drm_amdgpu_cs_in in = arg.in;
    Submission submission;
    if (const int error = parse_submission(in, numbering_, submission); error < 0) return error;
    if (!find_context(submission.context)) return -EINVAL;
    IoctlNotes::add("ctx={} ring={} ibs={} in={} out={}", submission.context, submission.timeline,
                    submission.ibs.size(), submission.in.size(), submission.out.size());
    if (has_too_many_ibs(channel, submission)) return -EINVAL;
    // The kernel's answer to submissions of a context that a reset has hurt; others go on.
    if (is_lost(channel, submission.context)) return -ECANCELED;

    BufferList buffers;
    if (const int error = collect_buffers(channel, submission, buffers); error < 0) return error;
    if (const int error = settle_mappings(channel, buffers); error < 0)
        return stream().lost() ? -ECANCELED : error;
    if (const int error = resolve_in_fences(channel, submission); error < 0) return error;
    uint64_t seqno = 0;
    if (const int error = send_submission(channel, submission, buffers, seqno); error < 0)
        return stream().lost() ? -ECANCELED : error;
    arg = {};
    arg.out.handle = seqno;
    IoctlNotes::add("buffers={} seqno={}", buffers.entries.size(), seqno);
    return 0;
}

}  // namespace viaduct::guest::amdgpu
