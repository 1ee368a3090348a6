#include "drm-context/i915/context_params.h"

#include <algorithm>
#include <cstring>

#include "drm-context/context/request.h"
#include "drm-context/i915/priority.h"
#include "drm-context/i915/uapi.h"
#include "wire/i915.h"

namespace viaduct::i915 {

namespace {

constexpr size_t kMostParams = 64;  // the kernel has about a dozen

}  // namespace

struct ContextParams::Param {
    drm_i915_gem_context_create_ext_setparam record;
    std::span<std::byte> data;  // ours
};

// Drivers also try BAN_PERIOD, NO_ZEROMAP and RINGSIZE, which no kernel has any more.
const ContextParams::Rule ContextParams::kRules[] = {
    {I915_CONTEXT_PARAM_NO_ERROR_CAPTURE, false, &ContextParams::any},
    {I915_CONTEXT_PARAM_BANNABLE, false, &ContextParams::check_bannable},
    {I915_CONTEXT_PARAM_PRIORITY, false, &ContextParams::check_priority},
    {I915_CONTEXT_PARAM_SSEU, true, &ContextParams::any},
    {I915_CONTEXT_PARAM_RECOVERABLE, false, &ContextParams::check_recoverable},
    {I915_CONTEXT_PARAM_VM, false, &ContextParams::note_vm},
    {I915_CONTEXT_PARAM_ENGINES, true, &ContextParams::check_engines},
    {I915_CONTEXT_PARAM_PERSISTENCE, false, &ContextParams::any},
    {I915_CONTEXT_PARAM_PROTECTED_CONTENT, false, &ContextParams::any},
};

Status ContextParams::parse(std::span<const std::byte> packed) {
    for (size_t count = 0; !packed.empty(); ++count) {
        if (count == kMostParams) return fail(EINVAL, "more than {} parameters", count);
        if (Status status = take(packed); !status) return status;
    }
    return {};
}

Status ContextParams::take(std::span<const std::byte>& packed) {
    Param param{};
    if (packed.size() < sizeof(param.record))
        return fail(EINVAL, "{} bytes are too short for a parameter", packed.size());
    param.record = element<drm_i915_gem_context_create_ext_setparam>(packed, 0);
    packed = packed.subspan(sizeof(param.record));
    drm_i915_gem_context_param& own = param.record.param;
    if (param.record.base.name != I915_CONTEXT_CREATE_EXT_SETPARAM)
        return fail(EINVAL, "unknown context extension {}", param.record.base.name);
    if (own.size % sizeof(uint32_t) != 0 || own.size > wire::i915::kMaxArgument ||
        own.size > packed.size())
        return fail(EINVAL, "parameter {}: length {} is invalid or exceeds the {} bytes left",
                    own.param, own.size, packed.size());
    const auto rule = std::ranges::find(kRules, own.param, &Rule::param);
    if (rule == std::end(kRules))
        return fail(EINVAL, "unknown parameter {} of a new context", own.param);
    if (!rule->has_data && own.size != 0)
        return fail(EINVAL, "parameter {} cannot have {} bytes of data", own.param, own.size);
    param.data = keep(packed.first(own.size));
    packed = packed.subspan(own.size);
    if (rule->has_data)
        own.value = own.size == 0 ? 0 : reinterpret_cast<uintptr_t>(param.data.data());
    if (Status status = (this->*rule->check)(param); !status) return status;

    param.record.base.next_extension = 0;
    const auto record = keep(std::as_bytes(std::span(&param.record, 1)));
    const uint64_t address = reinterpret_cast<uintptr_t>(record.data());
    if (last_)
        std::memcpy(last_ + offsetof(i915_user_extension, next_extension), &address,
                    sizeof(address));
    else
        chain_ = address;
    last_ = record.data();
    return {};
}

std::span<std::byte> ContextParams::keep(std::span<const std::byte> bytes) {
    auto& words = memory_.emplace_back((bytes.size() + sizeof(uint64_t) - 1) / sizeof(uint64_t));
    if (!bytes.empty()) std::memcpy(words.data(), bytes.data(), bytes.size());
    return std::as_writable_bytes(std::span(words)).first(bytes.size());
}

/// A context that is never banned can hang the GPU again and again. A kernel lets administrators
/// have it, which a VMM may be.
Status ContextParams::check_bannable(Param& param) {
    if (param.record.param.value != 0) return {};
    return fail(EPERM, "a guest cannot make its contexts unbannable");
}

Status ContextParams::check_priority(Param& param) {
    const auto permitted = permitted_priority(param.record.param.value, ceiling_);
    if (!permitted) return tl::unexpected(permitted.error());
    param.record.param.value = *permitted;
    return {};
}

Status ContextParams::check_recoverable(Param& param) {
    recoverable_ = param.record.param.value != 0;
    return {};
}

Status ContextParams::note_vm(Param& param) {
    vm_ = param.record.param.value;
    return {};
}

Status ContextParams::check_engines(Param& param) {
    constexpr size_t kHead = sizeof(i915_context_param_engines);
    using Engine = i915_engine_class_instance;
    if (param.data.size() < kHead)
        return fail(EINVAL, "the engine map is too short for its header");
    if (element<uint64_t>(param.data, 0) != 0)
        return fail(EINVAL, "engine map extensions are not supported");  // a pointer
    const auto entries = param.data.subspan(kHead);
    engines_.emplace();
    for (size_t i = 0; i < entries.size() / sizeof(Engine); ++i) {
        const auto engine = element<Engine>(entries, i);
        constexpr auto kNone = static_cast<uint16_t>(I915_ENGINE_CLASS_INVALID);
        if (engine.engine_class == kNone && engine.engine_instance == kNone) {
            engines_->emplace_back();
            continue;
        }
        if (!offered_.offers(engine.engine_class, engine.engine_instance))
            return fail(ENOENT, "engine {}:{} does not exist, or this VM is not offered it",
                        engine.engine_class, engine.engine_instance);
        engines_->emplace_back(class_of(engine.engine_class));
    }
    return {};
}

}  // namespace viaduct::i915
