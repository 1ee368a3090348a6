// CS_SUBMIT.
#include <amdgpu_drm.h>
#include <drm.h>

#include "drm-context/account/clock.h"
#include "drm-context/amdgpu/amdgpu_context.h"
#include "drm-context/amdgpu/submission.h"

namespace viaduct::amdgpu {

namespace w = wire::amdgpu;

Status AmdgpuContext::cs_submit(Request& request) {
    const auto wanted = request.as<w::CsSubmitRequest>();
    forget_old_refusal();
    // Taken whatever comes: a refused submission consumes its in-fence too.
    UniqueFd in_fence = take_in_fence();
    Submission submission(*this);
    Status status = owns_ctx(wanted.ctx_id)
                        ? submission.translate(request)
                        : fail(EINVAL, "GPU context {} does not exist", wanted.ctx_id);
    if (status) status = check_mappings();
    if (status && in_fence) status = wait_for_in_fence(submission, std::move(in_fence));
    if (status) status = run_submission(submission, wanted.ctx_id, wanted.ring_idx);
    if (!status) note_failed_submission(wanted.ctx_id, status.error().code);
    return status;
}

Status AmdgpuContext::wait_for_in_fence(Submission& submission, UniqueFd in_fence) {
    drm_syncobj_handle import{};
    import.handle = in_fence_syncobj_;
    import.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE;
    import.fd = in_fence.get();
    if (const int error = device().ioctl(DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &import); error < 0)
        return fail(-error, "the in-fence is no sync file (errno {})", -error);
    submission.append(AMDGPU_CHUNK_ID_SYNCOBJ_IN, drm_amdgpu_cs_chunk_sem{in_fence_syncobj_});
    return {};
}

Status AmdgpuContext::run_submission(Submission& submission, uint32_t ctx_id, uint32_t ring) {
    Timeline& timeline = timelines_.at(ring - 1);
    // Without a descriptor for it, the kernel is to keep the order.
    if (timeline.new_work && timeline.newest_context != ctx_id && !keep_older_work(timeline))
        submission.append(AMDGPU_CHUNK_ID_SYNCOBJ_IN, drm_amdgpu_cs_chunk_sem{timeline.syncobj});
    // One syncobj per ring takes each submission's fence in turn: a sync file is made only when a
    // guest's fence asks for it.
    submission.append(AMDGPU_CHUNK_ID_SYNCOBJ_OUT, drm_amdgpu_cs_chunk_sem{timeline.syncobj});
    drm_amdgpu_cs args = submission.args(ctx_id);
    if (const int error = device().ioctl(DRM_IOCTL_AMDGPU_CS, &args); error < 0)
        return fail(-error, "the kernel refuses the submission to ring {} (errno {})", ring,
                    -error);
    timeline.new_work = true;
    gpu_contexts_.at(ctx_id).rings.insert(ring);
    timeline.newest_context = ctx_id;
    statistics().submitted(ring, monotonic_ns());
    return {};
}

}  // namespace viaduct::amdgpu
