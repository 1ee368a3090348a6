// GPU resets: finds the contexts that a reset has hurt.
//
// The kernel's RESET flag compares a counter of the device (amdgpu_ctx.c: amdgpu_ctx_query2()): it
// is set in every context of every process after any recovery, and stays set. A context is hurt
// only if it is GUILTY, if its address space was rebuilt (VRAMLOST), or if its own work failed.
#include <amdgpu_drm.h>

#include <algorithm>

#include "drm-context/amdgpu/amdgpu_context.h"

namespace viaduct::amdgpu {

namespace {

constexpr uint64_t kReset = AMDGPU_CTX_QUERY2_FLAGS_RESET;
constexpr uint64_t kVramLost = AMDGPU_CTX_QUERY2_FLAGS_VRAMLOST;
constexpr uint64_t kGuilty = AMDGPU_CTX_QUERY2_FLAGS_GUILTY;

// Errors that recovery puts into fences, and that the kernel returns for later submissions of the
// same context (amdgpu_ring.c: amdgpu_ring_soft_recovery(), amdgpu_job.c: amdgpu_job_run(),
// amdgpu_ctx.c: amdgpu_ctx_get_entity()).
bool is_recovery_error(int error) {
    return error == ECANCELED || error == ETIME || error == ENODATA;
}

// Flags that the kernel does not set: a soft recovery kills a job (ENODATA) or gives it up (ETIME)
// without a mark on its context.
uint64_t flags_for(int error) {
    if (error == ENODATA || error == ETIME) return kReset | kGuilty;
    return error != 0 ? kReset | kVramLost : 0;
}

}  // namespace

/// AMDGPU_CTX_QUERY2_FLAGS_*; 0 if the kernel does not answer.
uint64_t AmdgpuContext::kernel_state(uint32_t ctx_id) {
    drm_amdgpu_ctx args{};
    args.in.op = AMDGPU_CTX_OP_QUERY_STATE2;
    args.in.ctx_id = ctx_id;
    return device().ioctl(DRM_IOCTL_AMDGPU_CTX, &args) < 0 ? 0 : uint64_t{args.out.state.flags};
}

/// The errno that a reset left in the context's newest work, or in the queue that it goes through;
/// 0 if there is none. WAIT_CS returns either (amdgpu_cs.c: amdgpu_cs_wait_ioctl()).
int AmdgpuContext::error_of_own_work(uint32_t ctx_id, const GpuContext& context) {
    for (const RingIndex ring : context.rings) {
        const auto hardware = numbering_.hardware(ring.value());
        drm_amdgpu_wait_cs args{};
        args.in.handle = ~uint64_t{0};  // the newest submission
        args.in.timeout = 0;            // absolute: do not wait
        args.in.ip_type = hardware.ip_type;
        args.in.ring = hardware.ring;
        args.in.ctx_id = ctx_id;
        const int error = -device().ioctl(DRM_IOCTL_AMDGPU_WAIT_CS, &args);
        if (is_recovery_error(error)) return error;
    }
    return 0;
}

void AmdgpuContext::check_for_reset() {
    watch().check([this](uint32_t ctx_id) { return look_for_loss(ctx_id); });
}

LossWatch::Finding AmdgpuContext::look_for_loss(uint32_t ctx_id) {
    const uint64_t state = kernel_state(ctx_id);
    const int error = state & kReset ? error_of_own_work(ctx_id, gpu_contexts_.at(ctx_id)) : 0;
    if ((state & (kGuilty | kVramLost)) != 0 || error != 0) return lost(ctx_id, state, error);
    return state & kReset ? LossWatch::Finding::kOthersReset : LossWatch::Finding::kWell;
}

/// Keeps what the kernel does not report of a loss.
LossWatch::Finding AmdgpuContext::lost(uint32_t ctx_id, uint64_t state, int error) {
    GpuContext& context = gpu_contexts_.at(ctx_id);
    context.loss_flags = flags_for(error);
    const bool guilty = ((state | context.loss_flags) & kGuilty) != 0;
    return guilty ? LossWatch::Finding::kGuilty : LossWatch::Finding::kLost;
}

/// The guest numbers submissions itself, so one that failed costs the context: as a reset does
/// where a reset is the reason.
void AmdgpuContext::note_failed_submission(uint32_t ctx_id, int error) {
    if (watch().is_lost(ctx_id)) return;
    if (owns_ctx(ctx_id) && is_recovery_error(error))
        return watch().found(ctx_id, lost(ctx_id, kernel_state(ctx_id), error));
    losses().count();
}

/// As AMDGPU_CTX_OP_QUERY_STATE2 answers, completed by what was seen of the context's own work.
Status AmdgpuContext::query_state(uint32_t ctx_id, uint64_t& flags) {
    if (!owns_ctx(ctx_id)) return fail(EINVAL, "unknown GPU context {}", ctx_id);
    if (!watch().is_lost(ctx_id)) watch().found(ctx_id, look_for_loss(ctx_id));
    flags = kernel_state(ctx_id) | gpu_contexts_.at(ctx_id).loss_flags;
    return {};
}

}  // namespace viaduct::amdgpu
