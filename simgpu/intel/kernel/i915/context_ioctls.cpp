// The ioctls of contexts and address spaces (Linux: i915_gem_context.c).
#include <array>
#include <cerrno>

#include "simgpu/intel/kernel/i915/context_params.h"
#include "simgpu/intel/kernel/i915/extensions.h"
#include "simgpu/intel/kernel/i915/user_memory.h"
#include "simgpu/intel/kernel/ppgtt.h"

namespace simgpu::intel::i915::ctx {

namespace {

int get_sseu(DrmFile& file, GemContext& context, drm_i915_gem_context_param& param) {
    drm_i915_gem_context_param_sseu sseu{};
    if (param.size != 0) {
        if (param.size < sizeof(sseu)) return -EINVAL;
        if (const int error = get_user(&sseu, param.value)) return error;
        if (sseu.rsvd != 0) return -EINVAL;
        if (sseu.flags & ~uint32_t{I915_CONTEXT_SSEU_FLAG_ENGINE_INDEX}) return -EINVAL;
        const bool by_index = sseu.flags & I915_CONTEXT_SSEU_FLAG_ENGINE_INDEX;
        // lookup_user_engine(): one of the map's if there is one, and only then.
        if (by_index != context.has_user_engines()) return -EINVAL;
        const auto ring = by_index ? context.slot(sseu.engine.engine_instance)
                                   : find_engine(file.chip(), sseu.engine.engine_class,
                                                 sseu.engine.engine_instance);
        if (!ring) return -EINVAL;
        const Topology& topology = file.chip().topology;
        sseu.slice_mask = (1u << topology.slices) - 1;
        sseu.subslice_mask = (1u << topology.subslices_per_slice) - 1;
        sseu.min_eus_per_subslice = sseu.max_eus_per_subslice = topology.eus_per_subslice;
        if (const int error = put_user(sseu, param.value)) return error;
    }
    param.size = sizeof(sseu);
    return 0;
}

int get_vm(DrmFile& file, GemContext& context, drm_i915_gem_context_param& param) {
    const auto id = file.vms().add([&](uint32_t) { return context.vm(); });
    if (!id) return id.error();
    param.size = 0;
    param.value = *id;
    return 0;
}

struct Getter {
    uint64_t param;
    uint64_t (*get)(const ContextSettings& settings);
};
constexpr std::array kGetters = {
    Getter{I915_CONTEXT_PARAM_GTT_SIZE, [](const ContextSettings&) { return kPpgttSize; }},
    Getter{I915_CONTEXT_PARAM_NO_ERROR_CAPTURE,
           [](const ContextSettings& settings) { return uint64_t{settings.no_error_capture}; }},
    Getter{I915_CONTEXT_PARAM_BANNABLE,
           [](const ContextSettings& settings) { return uint64_t{settings.bannable}; }},
    Getter{I915_CONTEXT_PARAM_RECOVERABLE,
           [](const ContextSettings& settings) { return uint64_t{settings.recoverable}; }},
    Getter{I915_CONTEXT_PARAM_PRIORITY,
           [](const ContextSettings& settings) {
               return static_cast<uint64_t>(int64_t{settings.priority});
           }},
    Getter{I915_CONTEXT_PARAM_PERSISTENCE,
           [](const ContextSettings& settings) { return uint64_t{settings.persistent}; }},
    Getter{I915_CONTEXT_PARAM_PROTECTED_CONTENT,
           [](const ContextSettings&) { return uint64_t{0}; }},
};

}  // namespace

int create(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_i915_gem_context_create_ext*>(argument);
    if (args.flags & kCreateUnknownFlags) return -EINVAL;
    if (file.client_banned()) return -EIO;
    ContextSettings settings;
    settings.single_timeline = args.flags & I915_CONTEXT_CREATE_FLAGS_SINGLE_TIMELINE;
    if (args.flags & I915_CONTEXT_CREATE_FLAGS_USE_EXTENSIONS) {
        const auto set_param = [&](unsigned long long at) {
            drm_i915_gem_context_create_ext_setparam extension{};
            if (const int error = get_user(&extension, at)) return error;
            if (extension.param.ctx_id != 0) return -EINVAL;
            return apply_param(file, extension.param, settings, false);
        };
        // CONTEXT_CREATE_EXT_CLONE was removed: invalid_ext().
        const std::array<ExtensionHandler, 1> handlers = {set_param};
        if (const int error = walk_extensions(args.extensions, handlers)) return error;
    }
    const auto id = file.contexts().add(settings);
    if (!id) return id.error();
    args.ctx_id = *id;
    return 0;
}

int destroy(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const drm_i915_gem_context_destroy*>(argument);
    if (args.pad != 0) return -EINVAL;
    return file.contexts().remove(args.ctx_id) ? 0 : -ENOENT;
}

int get_param(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_i915_gem_context_param*>(argument);
    const GemContextPtr context = file.contexts().find(args.ctx_id);
    if (!context) return -ENOENT;
    if (args.param == I915_CONTEXT_PARAM_SSEU) return get_sseu(file, *context, args);
    if (args.param == I915_CONTEXT_PARAM_VM) return get_vm(file, *context, args);
    for (const Getter& getter : kGetters) {
        if (getter.param != args.param) continue;
        args.size = 0;
        args.value = getter.get(context->settings());
        return 0;
    }
    return -EINVAL;
}

int set_param(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const drm_i915_gem_context_param*>(argument);
    return file.contexts().update(args.ctx_id, [&](ContextSettings& settings, bool made) {
        return apply_param(file, args, settings, made);
    });
}

int reset_stats(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_i915_reset_stats*>(argument);
    if (args.flags != 0 || args.pad != 0) return -EINVAL;
    const GemContextPtr context = file.contexts().find(args.ctx_id);
    if (!context) return -ENOENT;
    args.reset_count = file.is_administrators() ? file.device().reset_count() : 0;
    args.batch_active = context->batches_active();
    args.batch_pending = context->batches_pending();
    return 0;
}

int vm_create(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_i915_gem_vm_control*>(argument);
    if (args.flags != 0) return -EINVAL;
    if (const int error = walk_extensions(args.extensions, {})) return error;
    const auto id = file.vms().add([](uint32_t) { return std::make_shared<Vm>(); });
    if (!id) return id.error();
    args.vm_id = *id;
    return 0;
}

int vm_destroy(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const drm_i915_gem_vm_control*>(argument);
    if (args.flags != 0 || args.extensions != 0) return -EINVAL;
    return file.vms().take(args.vm_id) ? 0 : -ENOENT;
}

}  // namespace simgpu::intel::i915::ctx
