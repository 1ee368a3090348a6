// CS_SUBMIT.
#include <amdgpu_drm.h>
#include <drm.h>

#include "base/clock.h"
#include "drm-context/amdgpu/amdgpu_context.h"
#include "drm-context/amdgpu/submission.h"

namespace viaduct::amdgpu {

namespace w = wire::amdgpu;

Status AmdgpuContext::cs_submit(Request& request) {
    const auto wanted = request.as<w::CsSubmitRequest>();
    forget_old_refusal();
    // Taken whatever comes: a refused submission consumes its in-fence too.
    UniqueFd in_fence = this->in_fence().take();
    Submission submission(*this, submission_buffers_);
    Status status = owns_ctx(wanted.ctx_id)
                        ? submission.translate(request)
                        : fail(EINVAL, "GPU context {} does not exist", wanted.ctx_id);
    if (status) status = check_mappings();
    if (status) in_fence = wait_for_users(std::move(in_fence), submission.guarded());
    if (status && in_fence) status = wait_for_in_fence(submission, in_fence);
    if (status) status = run_submission(submission, wanted.ctx_id, RingIndex(wanted.ring_idx));
    if (!status) note_failed_submission(wanted.ctx_id, status.error().code);
    return status;
}

Status AmdgpuContext::wait_for_in_fence(Submission& submission, const UniqueFd& in_fence) {
    const auto syncobj = this->in_fence().to_syncobj(in_fence);
    if (!syncobj) return tl::unexpected(syncobj.error());
    submission.append(AMDGPU_CHUNK_ID_SYNCOBJ_IN, drm_amdgpu_cs_chunk_sem{*syncobj});
    return {};
}

// Of a user fence that the kernel does not write.
Result<UserFences::Place> AmdgpuContext::user_fence_place(GemHandle gem_handle, uint32_t offset) {
    constexpr uint32_t kPage = UserFences::kKernelPage;
    auto page = user_fences_.find_page(gem_handle, offset);
    if (!page) {
        auto mapping = map_buffer(gem_handle, offset - offset % kPage, kPage);
        if (!mapping)
            return fail(EINVAL, "a user fence in a buffer without CPU access: {}",
                        mapping.error().message);
        page = std::make_shared<const Mapping>(*std::move(mapping));
        user_fences_.add_page(gem_handle, offset, page);
    }
    return UserFences::Place{std::move(page), offset % kPage};
}

Status AmdgpuContext::run_submission(Submission& submission, uint32_t ctx_id, RingIndex ring) {
    std::optional<UserFences::Place> place;
    if (const auto& fence = submission.own_user_fence()) {
        auto found = user_fence_place(GemHandle(fence->handle), fence->offset);
        if (!found) return tl::unexpected(found.error());
        place = *std::move(found);
    }
    const auto [signal, wait] = rings().prepare(ring, ctx_id);
    if (wait != 0) submission.append(AMDGPU_CHUNK_ID_SYNCOBJ_IN, drm_amdgpu_cs_chunk_sem{wait});
    submission.append(AMDGPU_CHUNK_ID_SYNCOBJ_OUT, drm_amdgpu_cs_chunk_sem{signal});
    drm_amdgpu_cs args = submission.args(ctx_id);
    if (const int error = device().ioctl(DRM_IOCTL_AMDGPU_CS, &args); error < 0)
        return fail(-error, "the kernel refused the submission to ring {} (errno {})", ring,
                    -error);
    rings().submitted(ring, ctx_id);
    gpu_contexts_.at(ctx_id).rings.insert(ring);
    statistics().submitted(ring, monotonic_ns());
    if (place) {
        user_fences_.add(ring, statistics().submissions(ring), *std::move(place), args.out.handle);
        follow_submission();
    }
    return {};
}

}  // namespace viaduct::amdgpu
