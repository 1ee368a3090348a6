#include "simgpu/intel/kernel/i915/context_params.h"

#include <linux/capability.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "simgpu/drm/capable.h"
#include "simgpu/intel/kernel/i915/extensions.h"
#include "simgpu/intel/kernel/i915/user_memory.h"
#include "simgpu/log.h"

namespace simgpu::intel::i915 {

namespace {

using Param = drm_i915_gem_context_param;

template <bool ContextSettings::*kFlag>
int set_flag(DrmFile&, const Param& param, ContextSettings& settings) {
    if (param.size != 0) return -EINVAL;
    settings.*kFlag = param.value != 0;
    return 0;
}

int set_bannable(DrmFile&, const Param& param, ContextSettings& settings) {
    if (param.size != 0) return -EINVAL;
    if (param.value == 0 && !drm::capable(CAP_SYS_ADMIN)) return -EPERM;
    settings.bannable = param.value != 0;
    return 0;
}

/// validate_priority()
int set_priority(DrmFile&, const Param& param, ContextSettings& settings) {
    const auto priority = static_cast<int64_t>(param.value);
    if (param.size != 0) return -EINVAL;
    if (priority > I915_CONTEXT_MAX_USER_PRIORITY || priority < I915_CONTEXT_MIN_USER_PRIORITY)
        return -EINVAL;
    if (priority > I915_CONTEXT_DEFAULT_PRIORITY && !drm::capable(CAP_SYS_NICE)) return -EPERM;
    settings.priority = static_cast<int32_t>(priority);
    return 0;
}

/// set_sseu(): "For now only support Icelake".
int set_sseu(DrmFile&, const Param& param, ContextSettings&) {
    return param.size < sizeof(drm_i915_gem_context_param_sseu) ? -EINVAL : -ENODEV;
}

int set_vm(DrmFile& file, const Param& param, ContextSettings& settings) {
    if (param.size != 0) return -EINVAL;
    if (param.value >> 32) return -ENOENT;
    VmPtr vm = file.vms().find(static_cast<uint32_t>(param.value));
    if (!vm) return -ENOENT;
    settings.vm = std::move(vm);
    return 0;
}

int set_engines(DrmFile& file, const Param& param, ContextSettings& settings) {
    if (settings.engines) return -EINVAL;  // "cannot set engines twice"
    std::vector<EngineSlot> slots;
    if (const int error = parse_engines(file.chip(), param, &slots)) return error;
    settings.engines = std::move(slots);
    return 0;
}

/// The chips here have no session for protected content (Linux: intel_pxp_is_enabled()).
int set_protected(DrmFile&, const Param& param, ContextSettings&) {
    return param.value != 0 ? -ENODEV : 0;
}

struct Setter {
    uint64_t param;
    bool when_made;  // also after the context has been used
    int (*set)(DrmFile&, const Param&, ContextSettings&);
};
constexpr std::array kSetters = {
    Setter{I915_CONTEXT_PARAM_NO_ERROR_CAPTURE, true, set_flag<&ContextSettings::no_error_capture>},
    Setter{I915_CONTEXT_PARAM_BANNABLE, true, set_bannable},
    Setter{I915_CONTEXT_PARAM_PRIORITY, true, set_priority},
    Setter{I915_CONTEXT_PARAM_SSEU, true, set_sseu},
    Setter{I915_CONTEXT_PARAM_RECOVERABLE, true, set_flag<&ContextSettings::recoverable>},
    Setter{I915_CONTEXT_PARAM_VM, false, set_vm},
    Setter{I915_CONTEXT_PARAM_ENGINES, false, set_engines},
    Setter{I915_CONTEXT_PARAM_PERSISTENCE, true, set_flag<&ContextSettings::persistent>},
    Setter{I915_CONTEXT_PARAM_PROTECTED_CONTENT, false, set_protected},
};

/// The engine whose user structure is at `address`. 0 or a negative errno: -ENOENT if the chip
/// lacks it.
int read_engine(const ChipInfo& chip, uint64_t address, EngineSlot* slot) {
    i915_engine_class_instance engine{};
    if (const int error = get_user(&engine, address)) return error;
    constexpr auto kNone = static_cast<uint16_t>(I915_ENGINE_CLASS_INVALID);
    slot->reset();
    if (engine.engine_class == kNone && engine.engine_instance == kNone) return 0;
    *slot = find_engine(chip, engine.engine_class, engine.engine_instance);
    return *slot ? 0 : -ENOENT;
}

/// set_proto_ctx_engines_balance(). One sibling is an engine like any other. Of several the kernel
/// takes whichever is idle; here it is always the first.
int balance(const ChipInfo& chip, uint64_t address, std::vector<EngineSlot>& slots) {
    i915_context_engines_load_balance balancer{};
    if (const int error = get_user(&balancer, address)) return error;
    if (balancer.engine_index >= slots.size()) return -EINVAL;
    if (slots[balancer.engine_index]) return -EEXIST;
    if (balancer.flags != 0 || balancer.mbz64 != 0) return -EINVAL;
    EngineSlot first;
    for (uint16_t i = 0; i < balancer.num_siblings; ++i) {
        EngineSlot sibling;
        const int error = read_engine(
            chip, address + sizeof(balancer) + i * sizeof(i915_engine_class_instance), &sibling);
        if (error == -EFAULT) return error;
        if (!sibling) return -EINVAL;
        if (!first) first = sibling;
    }
    slots[balancer.engine_index] = first;
    return 0;
}

int refuse_engine_extension(unsigned long long) {
    log("bonded and parallel engines (extensions of I915_CONTEXT_PARAM_ENGINES) are not simulated");
    return -ENODEV;
}

}  // namespace

int apply_param(DrmFile& file, const Param& param, ContextSettings& settings, bool made) {
    const auto setter = std::ranges::find(kSetters, param.param, &Setter::param);
    if (setter == kSetters.end() || (made && !setter->when_made)) return -EINVAL;
    return setter->set(file, param, settings);
}

int parse_engines(const ChipInfo& chip, const Param& param, std::vector<EngineSlot>* slots) {
    constexpr size_t kHead = sizeof(i915_context_param_engines);
    constexpr size_t kEntry = sizeof(i915_engine_class_instance);
    if (param.size < kHead || (param.size - kHead) % kEntry != 0) return -EINVAL;
    const size_t count = (param.size - kHead) / kEntry;
    if (count > I915_EXEC_RING_MASK + 1) return -EINVAL;
    for (size_t i = 0; i < count; ++i) {
        EngineSlot slot;
        if (const int error = read_engine(chip, param.value + kHead + i * kEntry, &slot))
            return error;
        slots->push_back(slot);
    }
    uint64_t extensions = 0;
    if (const int error = get_user(&extensions, param.value)) return error;
    const std::array<ExtensionHandler, 3> handlers = {
        [&](unsigned long long address) { return balance(chip, address, *slots); },
        refuse_engine_extension, refuse_engine_extension};
    return walk_extensions(extensions, handlers);
}

}  // namespace simgpu::intel::i915
