// GEM contexts and address spaces.
#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/i915/driver.h"

namespace viaduct::guest::i915 {

namespace {

constexpr int kMostParams = 64;

/// The chain at `first`, packed as the wire has it. 0 or a negative errno.
int pack_params(uint64_t first, LongRequest& to) {
    int left = kMostParams;
    for (uint64_t at = first; at != 0;) {
        if (left-- == 0) return -E2BIG;
        drm_i915_gem_context_create_ext_setparam record{};
        std::memcpy(&record, reinterpret_cast<const void*>(at), sizeof(i915_user_extension));
        if (record.base.name != I915_CONTEXT_CREATE_EXT_SETPARAM) return -EINVAL;
        std::memcpy(&record, reinterpret_cast<const void*>(at), sizeof(record));
        const uint32_t size = record.param.size;
        if (size > wire::kMaxArgument || size % sizeof(uint32_t) != 0) return -EINVAL;
        if (size != 0 && record.param.value == 0) return -EFAULT;
        to.append(record);
        to.append_bytes(reinterpret_cast<const void*>(record.param.value), size);
        at = record.base.next_extension;
    }
    return 0;
}

}  // namespace

int Driver::context_create(const Channel& channel, drm_i915_gem_context_create_ext& arg) {
    auto head = make_request<wire::GemContextCreateRequest>(wire::Command::kGemContextCreate);
    head.flags = arg.flags;
    LongRequest request(head);
    if (arg.flags & I915_CONTEXT_CREATE_FLAGS_USE_EXTENSIONS)
        if (const int error = pack_params(arg.extensions, request); error < 0) return error;
    head.params_size = static_cast<uint32_t>(request.size() - sizeof(head));
    request.replace_head(head);
    wire::GemContextCreateResponse answer{};
    if (const int error = stream().call(channel, {request.finish(), as_bytes(answer)}); error < 0)
        return error;
    if (answer.ret != 0) return -answer.ret;
    const LockGuard lock(mutex_);
    failed_contexts_.erase(answer.ctx_id);
    arg.ctx_id = answer.ctx_id;
    IoctlNotes::add("ctx={}", answer.ctx_id);
    return 0;
}

int Driver::context_destroy(const Channel& channel, drm_i915_gem_context_destroy& arg) {
    if (arg.pad != 0) return -EINVAL;
    if (arg.ctx_id == 0) return -ENOENT;
    session_.fences.forget_context(arg.ctx_id);
    return pass(channel, DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, arg);
}

/// SSEU is the one parameter whose value is a pointer; it is for tools that count, and drivers do
/// without.
int Driver::context_get_param(const Channel& channel, drm_i915_gem_context_param& arg) {
    IoctlNotes::add("ctx={} param={}", uint32_t{arg.ctx_id}, uint64_t{arg.param});
    if (arg.param == I915_CONTEXT_PARAM_SSEU) return -EINVAL;
    arg.size = 0;
    return pass(channel, DRM_IOCTL_I915_GEM_CONTEXT_GETPARAM, arg);
}

int Driver::context_set_param(const Channel& channel, drm_i915_gem_context_param& arg) {
    IoctlNotes::add("ctx={} param={} value={:#x}", uint32_t{arg.ctx_id}, uint64_t{arg.param},
                    uint64_t{arg.value});
    return pass(channel, DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM, arg);
}

int Driver::vm_create(const Channel& channel, drm_i915_gem_vm_control& arg) {
    if (arg.extensions != 0) return -EINVAL;
    return pass(channel, DRM_IOCTL_I915_GEM_VM_CREATE, arg);
}

int Driver::vm_destroy(const Channel& channel, drm_i915_gem_vm_control& arg) {
    if (arg.extensions != 0) return -EINVAL;
    return pass(channel, DRM_IOCTL_I915_GEM_VM_DESTROY, arg);
}

/// Submissions that the host could not run have left their contexts without what they were to do.
void Driver::note_outcomes() {
    const auto outcomes = stream().take_outcomes();
    const LockGuard lock(mutex_);
    for (const Outcome& outcome : outcomes)
        if (outcome.error < 0)
            failed_contexts_.insert(static_cast<uint32_t>(outcome.receipt.owner));
}

bool Driver::is_banned(uint32_t context) {
    constexpr uint32_t kMaskBits = 64;
    note_outcomes();
    if (stream().lost()) return true;
    const uint64_t mask = stream().shmem_u64(offsetof(wire::Shmem, banned_ctx_mask));
    if (context < kMaskBits && (mask >> context & 1)) return true;
    const LockGuard lock(mutex_);
    return failed_contexts_.count(context) != 0;
}

int Driver::reset_stats(const Channel& channel, drm_i915_reset_stats& arg) {
    constexpr uint32_t kMaskBits = 64;
    if (arg.flags != 0 || arg.pad != 0) return -EINVAL;
    const bool banned = is_banned(arg.ctx_id);
    arg.reset_count = arg.batch_active = arg.batch_pending = 0;
    // Drivers ask often, and the host's answer would not have more than the mask.
    if (!banned && arg.ctx_id < kMaskBits) return 0;
    if (!stream().lost())
        if (const int error = pass(channel, DRM_IOCTL_I915_GET_RESET_STATS, arg); error < 0)
            return error;
    // Lost without a hang that the host's kernel has counted.
    if (banned && arg.batch_active == 0 && arg.batch_pending == 0) arg.batch_active = 1;
    return 0;
}

}  // namespace viaduct::guest::i915
