// GEM contexts and address spaces.
#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/i915/driver.h"
#include "guest-mesa/layer/i915/engine_map.h"

namespace viaduct::guest::i915 {

namespace {

constexpr int kMostParams = 64;

/// A parameter of a new context as the wire has it. `context_to_be`: 0, or kernels refuse it
/// (Linux: create_setparam()). 0 or a negative errno.
int pack_param(const drm_i915_gem_context_param& param, std::vector<std::byte>& to,
               uint32_t context_to_be = 0) {
    std::vector<std::byte> data;
    if (param.param == I915_CONTEXT_PARAM_ENGINES) {
        if (const int error = pack_engine_map(param, data); error < 0) return error;
    } else if (param.size != 0) {
        if (param.size > wire::kMaxArgument || param.size % sizeof(uint32_t) != 0) return -EINVAL;
        if (param.value == 0) return -EFAULT;
        data.resize(param.size);
        std::memcpy(data.data(), reinterpret_cast<const void*>(param.value), param.size);
    }
    drm_i915_gem_context_create_ext_setparam record{};
    record.base.name = I915_CONTEXT_CREATE_EXT_SETPARAM;
    record.param = param;
    record.param.ctx_id = context_to_be;
    const auto bytes = as_bytes(record);
    to.insert(to.end(), bytes.begin(), bytes.end());
    to.insert(to.end(), data.begin(), data.end());
    return 0;
}

}  // namespace

/// The chain at `first`, packed as the wire has it. 0 or a negative errno.
int Driver::pack_params(uint64_t first, FreshContext& to) {
    int left = kMostParams;
    for (uint64_t at = first; at != 0;) {
        if (left-- == 0) return -E2BIG;
        drm_i915_gem_context_create_ext_setparam record{};
        std::memcpy(&record, reinterpret_cast<const void*>(at), sizeof(i915_user_extension));
        if (record.base.name != I915_CONTEXT_CREATE_EXT_SETPARAM) return -EINVAL;
        std::memcpy(&record, reinterpret_cast<const void*>(at), sizeof(record));
        if (const int error = pack_param(record.param, to.params, record.param.ctx_id); error < 0)
            return error;
        to.has_engines = to.has_engines || record.param.param == I915_CONTEXT_PARAM_ENGINES;
        at = record.base.next_extension;
    }
    return 0;
}

int Driver::create_context(const Channel& channel, const FreshContext& fresh, uint32_t& id) {
    auto head = make_request<wire::GemContextCreateRequest>(wire::Command::kGemContextCreate);
    head.flags = fresh.flags;
    if (!fresh.params.empty()) head.flags |= I915_CONTEXT_CREATE_FLAGS_USE_EXTENSIONS;
    head.params_size = static_cast<uint32_t>(fresh.params.size());
    LongRequest request(head);
    request.append_bytes(fresh.params.data(), fresh.params.size());
    wire::GemContextCreateResponse answer{};
    if (const int error = stream().call(channel, {request.finish(), as_bytes(answer)}); error < 0)
        return error;
    if (answer.ret != 0) return error_of(answer.ret);
    const LockGuard lock(mutex_);
    failed_contexts_.erase(answer.ctx_id);
    fresh_contexts_.insert_or_assign(answer.ctx_id, fresh);
    id = answer.ctx_id;
    return 0;
}

int Driver::context_create(const Channel& channel, drm_i915_gem_context_create_ext& arg) {
    FreshContext fresh;
    fresh.flags = arg.flags;
    if (arg.flags & I915_CONTEXT_CREATE_FLAGS_USE_EXTENSIONS)
        if (const int error = pack_params(arg.extensions, fresh); error < 0) return error;
    uint32_t id = 0;
    const LockGuard one_at_a_time(making_contexts_);
    if (const int error = create_context(channel, fresh, id); error < 0) return error;
    arg.ctx_id = id;
    IoctlNotes::add("ctx={}", id);
    return 0;
}

/// i915 takes another engine map from a context that nothing has used yet (Linux:
/// i915_gem_context_setparam_ioctl()). The wire has maps for new contexts only, so the host makes
/// the context anew. Kernels give out the lowest free id, which is the same one then.
int Driver::set_engines(const Channel& channel, const drm_i915_gem_context_param& arg) {
    const LockGuard one_at_a_time(making_contexts_);
    FreshContext old;
    {
        const LockGuard lock(mutex_);
        const auto found = fresh_contexts_.find(arg.ctx_id);
        if (found == fresh_contexts_.end() || found->second.has_engines) return -EINVAL;
        old = found->second;
    }
    FreshContext fresh = old;
    fresh.has_engines = true;
    if (const int error = pack_param(arg, fresh.params); error < 0) return error;
    drm_i915_gem_context_destroy destroy{arg.ctx_id, 0};
    if (const int error = context_destroy(channel, destroy); error < 0) return error;
    uint32_t id = 0;
    int error = create_context(channel, fresh, id);
    // As it was: the program still has the context.
    if (error < 0 && create_context(channel, old, id) < 0) return error;
    if (id == arg.ctx_id) return error;
    destroy.ctx_id = id;
    (void)context_destroy(channel, destroy);
    return -EIO;
}

void Driver::note_use(uint32_t context) {
    const LockGuard lock(mutex_);
    fresh_contexts_.erase(context);
}

int Driver::context_destroy(const Channel& channel, drm_i915_gem_context_destroy& arg) {
    if (arg.pad != 0) return -EINVAL;
    if (arg.ctx_id == 0) return -ENOENT;
    session_.fences.forget_context(arg.ctx_id);
    note_use(arg.ctx_id);
    return pass(channel, DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, arg);
}

/// SSEU is the one parameter whose value is a pointer; it is for tools that count, and drivers do
/// without.
int Driver::context_get_param(const Channel& channel, drm_i915_gem_context_param& arg) {
    IoctlNotes::add("ctx={} param={}", uint32_t{arg.ctx_id}, uint64_t{arg.param});
    if (arg.param == I915_CONTEXT_PARAM_SSEU) return -EINVAL;
    if (arg.param == I915_CONTEXT_PARAM_VM) note_use(arg.ctx_id);
    arg.size = 0;
    return pass(channel, DRM_IOCTL_I915_GEM_CONTEXT_GETPARAM, arg);
}

int Driver::context_set_param(const Channel& channel, drm_i915_gem_context_param& arg) {
    IoctlNotes::add("ctx={} param={} value={:#x}", uint32_t{arg.ctx_id}, uint64_t{arg.param},
                    uint64_t{arg.value});
    if (arg.param == I915_CONTEXT_PARAM_ENGINES) return set_engines(channel, arg);
    if (const int error = pass(channel, DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM, arg); error < 0)
        return error;
    const LockGuard lock(mutex_);
    if (const auto fresh = fresh_contexts_.find(arg.ctx_id);
        fresh != fresh_contexts_.end() && arg.size == 0)
        return pack_param(arg, fresh->second.params);
    return 0;
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
