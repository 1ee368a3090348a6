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
    for (const uint32_t ring : context.rings) {
        const Timeline& timeline = timelines_.at(ring - 1);
        drm_amdgpu_wait_cs args{};
        args.in.handle = ~uint64_t{0};  // the newest submission
        args.in.timeout = 0;            // absolute: do not wait
        args.in.ip_type = timeline.ip_type;
        args.in.ring = timeline.ip_ring;
        args.in.ctx_id = ctx_id;
        const int error = -device().ioctl(DRM_IOCTL_AMDGPU_WAIT_CS, &args);
        if (is_recovery_error(error)) return error;
    }
    return 0;
}

void AmdgpuContext::check_for_reset() {
    for (auto& [ctx_id, context] : gpu_contexts_)
        if (!context.lost) look_for_loss(ctx_id, context);
}

void AmdgpuContext::look_for_loss(uint32_t ctx_id, GpuContext& context) {
    const uint64_t state = kernel_state(ctx_id);
    const int error = state & kReset ? error_of_own_work(ctx_id, context) : 0;
    if ((state & (kGuilty | kVramLost)) != 0 || error != 0)
        return lose(ctx_id, context, state, error);
    if ((state & kReset) == 0 || context.saw_other_reset) return;
    context.saw_other_reset = true;
    ++account().counters().other_resets;
}

/// Once per context: what is counted in async_error is what a guest's driver takes for a loss.
void AmdgpuContext::lose(uint32_t ctx_id, GpuContext& context, uint64_t state, int error) {
    if (context.lost) return;
    context.lost = true;
    context.loss_flags = flags_for(error);
    ++account().counters().resets;
    log_guest(LogLevel::kWarning, "{}: the GPU was reset, its context {} is lost{}", name(), ctx_id,
              ((state | context.loss_flags) & kGuilty) != 0 ? " (its own work hung)" : "");
    losses().count();
}

/// The guest numbers submissions itself, so one that failed costs the context: as a reset does
/// where a reset is the reason.
void AmdgpuContext::note_failed_submission(uint32_t ctx_id, int error) {
    const auto found = gpu_contexts_.find(ctx_id);
    if (found == gpu_contexts_.end()) return losses().count();
    GpuContext& context = found->second;
    if (context.lost) return;
    if (is_recovery_error(error)) return lose(ctx_id, context, kernel_state(ctx_id), error);
    losses().count();
}

/// As AMDGPU_CTX_OP_QUERY_STATE2 answers, completed by what was seen of the context's own work.
Status AmdgpuContext::query_state(uint32_t ctx_id, uint64_t& flags) {
    const auto found = gpu_contexts_.find(ctx_id);
    if (found == gpu_contexts_.end()) return fail(EINVAL, "GPU context {} unknown", ctx_id);
    if (!found->second.lost) look_for_loss(ctx_id, found->second);
    flags = kernel_state(ctx_id) | found->second.loss_flags;
    return {};
}

}  // namespace viaduct::amdgpu
