// GEM_CONTEXT_CREATE, and what all ways of making a context have in common.
#include "drm-context/i915/context_params.h"
#include "drm-context/i915/i915_context.h"
#include "drm-context/i915/priority.h"
#include "drm-context/i915/uapi.h"

namespace viaduct::i915 {

namespace w = wire::i915;

namespace {

// Each has page tables, and a context rings and state images of some 100 KiB for each engine that
// it uses: memory of the host's kernel that no budget counts. Mesa makes two or three per device.
constexpr size_t kMostContexts = 1024;
constexpr size_t kMostVms = 1024;

}  // namespace

Status I915Context::check_room_for_context() const {
    if (gem_contexts_.size() < kMostContexts) return {};
    return fail(ENOSPC, "the context already has {} GEM contexts, the maximum",
                gem_contexts_.size());
}

Status I915Context::check_room_for_vm() const {
    if (vms_.size() < kMostVms) return {};
    return fail(ENOSPC, "the context already has {} address spaces, the maximum", vms_.size());
}

Status I915Context::context_created(uint32_t id, GemContext context) {
    if (Status status = lower_priority(id); !status) {
        drm_i915_gem_context_destroy args{};
        args.ctx_id = id;
        device().ioctl(DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, &args);
        return status;
    }
    if (!context.tables) context.tables = std::make_shared<PageTables>(account());
    context.serial = next_serial_++;
    gem_contexts_.insert_or_assign(id, std::move(context));
    watch().created(id);
    return {};
}

PageTablesPtr I915Context::tables_of_vm(uint64_t id) const {
    const auto vm = id > UINT32_MAX ? vms_.end() : vms_.find(static_cast<uint32_t>(id));
    return vm == vms_.end() ? nullptr : vm->second;
}

void I915Context::close_in_tables(GemHandle handle) {
    for (const auto& [id, context] : gem_contexts_) context.tables->remove(handle);
    for (const auto& [id, tables] : vms_) tables->remove(handle);
}

/// Kernels make contexts of normal priority, which may be more than the VM may have.
Status I915Context::lower_priority(uint32_t id) {
    if (account().limits().priority != PriorityCeiling::kLow) return {};
    drm_i915_gem_context_param args{};
    args.ctx_id = id;
    args.param = I915_CONTEXT_PARAM_PRIORITY;
    args.value = permitted_priority(I915_CONTEXT_DEFAULT_PRIORITY, PriorityCeiling::kLow).value();
    const int error = device().ioctl(DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM, &args);
    // ENODEV: on this GPU the contexts of all users are equal (i915_gem_context.c).
    if (error < 0 && error != -ENODEV)
        return fail(-error, "the priority of GEM context {} cannot be lowered (errno {})", id,
                    -error);
    return {};
}

Status I915Context::gem_context_create(Request& request) {
    const auto wanted = request.as<w::GemContextCreateRequest>();
    constexpr uint32_t kFlags =
        I915_CONTEXT_CREATE_FLAGS_USE_EXTENSIONS | I915_CONTEXT_CREATE_FLAGS_SINGLE_TIMELINE;
    if (wanted.flags & ~kFlags) return fail(EINVAL, "flags {:#x} unknown", wanted.flags);
    std::span<const std::byte> packed;
    if (uint64_t{request.size()} != sizeof(wanted) + uint64_t{wanted.params_size} ||
        !request.payload(sizeof(wanted), wanted.params_size, &packed))
        return fail(EINVAL, "{} bytes of parameters do not match a request of {} bytes",
                    wanted.params_size, request.size());
    if (Status status = check_room_for_context(); !status) return status;
    ContextParams params(engines_, account().limits().priority);
    if (Status status = params.parse(packed); !status) return status;

    drm_i915_gem_context_create_ext args{};
    args.flags = wanted.flags;
    if (wanted.flags & I915_CONTEXT_CREATE_FLAGS_USE_EXTENSIONS) args.extensions = params.chain();
    if (const int error = device().ioctl(DRM_IOCTL_I915_GEM_CONTEXT_CREATE_EXT, &args); error < 0) {
        if (!is_plain_refusal(-error))
            return fail(-error, "the kernel refused the context (errno {})", -error);
        request.respond(w::GemContextCreateResponse{{}, 0, -error, 0});
        return {};
    }
    GemContext context{.recoverable = params.recoverable(),
                       .tables = params.vm() ? tables_of_vm(*params.vm()) : nullptr,
                       .engines = params.engines().value_or(gem_contexts_.at(0).engines)};
    if (Status status = context_created(args.ctx_id, std::move(context)); !status) return status;
    request.respond(w::GemContextCreateResponse{{}, 0, 0, args.ctx_id});
    return {};
}

}  // namespace viaduct::i915
