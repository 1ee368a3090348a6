// IOCTL_SIMPLE: ioctls whose argument crosses as it is, each checked by its row.
#include <sys/ioctl.h>

#include <algorithm>
#include <array>

#include "drm-context/i915/i915_context.h"
#include "drm-context/i915/priority.h"
#include "drm-context/i915/uapi.h"

namespace viaduct::i915 {

namespace w = wire::i915;

/// A row: the whole request word decides, so that neither size nor direction can be wrong.
struct I915Context::SimpleIoctl {
    uint32_t request;
    Status (I915Context::*run)(const SimpleIoctl& ioctl, Argument argument);
};

const I915Context::SimpleIoctl I915Context::kSimpleIoctls[] = {
    {DRM_IOCTL_I915_REG_READ, &I915Context::pass},
    {DRM_IOCTL_I915_GEM_GET_APERTURE, &I915Context::get_aperture},
    {DRM_IOCTL_I915_GEM_SET_TILING, &I915Context::with_handle},
    {DRM_IOCTL_I915_GEM_GET_TILING, &I915Context::with_handle},
    {DRM_IOCTL_I915_GEM_SET_DOMAIN, &I915Context::set_domain},
    {DRM_IOCTL_I915_GET_RESET_STATS, &I915Context::reset_stats},
    {DRM_IOCTL_I915_GEM_CONTEXT_CREATE, &I915Context::create_context},
    {DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, &I915Context::destroy_context},
    {DRM_IOCTL_I915_GEM_CONTEXT_GETPARAM, &I915Context::get_context_param},
    {DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM, &I915Context::set_context_param},
    {DRM_IOCTL_I915_GEM_VM_CREATE, &I915Context::create_vm},
    {DRM_IOCTL_I915_GEM_VM_DESTROY, &I915Context::destroy_vm},
};

namespace {

// The only parameters whose value is a number, with the use that Mesa makes of them.
constexpr std::array<uint64_t, 4> kContextParams = {
    I915_CONTEXT_PARAM_GTT_SIZE, I915_CONTEXT_PARAM_PRIORITY, I915_CONTEXT_PARAM_RECOVERABLE,
    I915_CONTEXT_PARAM_VM};

template <typename T>
T load(std::span<const std::byte> argument) {
    return element<T>(argument, 0);
}
template <typename T>
void store(std::span<std::byte> argument, const T& value) {
    std::memcpy(argument.data(), &value, sizeof(value));
}

Status check_param(const drm_i915_gem_context_param& param) {
    if (std::ranges::find(kContextParams, param.param) == kContextParams.end())
        return fail(EINVAL, "context parameter {} cannot be accessed by itself", param.param);
    // A size would make the value a pointer.
    if (param.size != 0)
        return fail(EINVAL, "a context parameter cannot have {} bytes", param.size);
    return {};
}

}  // namespace

Status I915Context::ioctl_simple(Request& request) {
    const auto wanted = request.as<w::IoctlSimpleRequest>();
    const auto found = std::ranges::find(kSimpleIoctls, wanted.cmd, &SimpleIoctl::request);
    if (found == std::end(kSimpleIoctls))
        return fail(EINVAL, "ioctl {:#x} is not allowed for guests", wanted.cmd);
    const uint32_t size = _IOC_SIZE(wanted.cmd);
    if (request.size() != sizeof(wanted) + size)
        return fail(EINVAL, "ioctl {:#x} cannot have {} bytes", wanted.cmd,
                    request.size() - std::min<size_t>(request.size(), sizeof(wanted)));
    std::span<const std::byte> payload;
    request.payload(sizeof(wanted), size, &payload);
    alignas(uint64_t) std::array<std::byte, w::kMaxArgument> copy;
    const Argument argument = std::span(copy).first(size);
    std::ranges::copy(payload, argument.begin());
    const auto response = request.response();
    if (Status status = (this->*found->run)(*found, argument); !status) {
        const int error = status.error().code;
        if (response.empty() || !is_plain_refusal(error)) return status;
        request.respond(w::IoctlSimpleResponse{{}, error});
        return {};
    }
    if (!response.empty())
        std::ranges::copy(argument, response.subspan(sizeof(w::IoctlSimpleResponse)).begin());
    return {};
}

Status I915Context::call(uint32_t request, Argument argument) {
    const int error = device().ioctl(request, argument.data());
    if (error < 0) return fail(-error, "ioctl {:#x} (errno {})", request, -error);
    return {};
}

Status I915Context::pass(const SimpleIoctl& ioctl, Argument argument) {
    return call(ioctl.request, argument);
}

Status I915Context::get_aperture(const SimpleIoctl& ioctl, Argument argument) {
    if (Status status = call(ioctl.request, argument); !status) return status;
    auto aperture = load<drm_i915_gem_get_aperture>(argument);
    const uint64_t limit = account().memory_limit();
    if (limit != 0) {
        aperture.aper_size = std::min<uint64_t>(aperture.aper_size, limit);
        aperture.aper_available_size = std::min<uint64_t>(aperture.aper_available_size, limit);
    }
    store(argument, aperture);
    return {};
}

/// For ioctls whose argument begins with a handle: the guest's resource id, which is put back.
Status I915Context::with_handle(const SimpleIoctl& ioctl, Argument argument) {
    const ResourceId res_id(load<uint32_t>(argument));
    const auto handle = handle_of(res_id);
    if (!handle) return tl::unexpected(handle.error());
    store(argument, handle->value());
    Status status = call(ioctl.request, argument);
    store(argument, res_id.value());
    return status;
}

/// The kernel would wait until the GPU is done with the buffer, and every command behind this one
/// with it. A guest waits by itself first.
Status I915Context::set_domain(const SimpleIoctl& ioctl, Argument argument) {
    const ResourceId res_id(load<uint32_t>(argument));
    const auto handle = handle_of(res_id);
    if (!handle) return tl::unexpected(handle.error());
    drm_i915_gem_wait wait{};
    wait.bo_handle = handle->value();
    wait.timeout_ns = 0;
    if (const int error = device().ioctl(DRM_IOCTL_I915_GEM_WAIT, &wait); error < 0)
        return fail(EBUSY, "the GPU still uses resource {} (errno {})", res_id, -error);
    return with_handle(ioctl, argument);
}

Status I915Context::reset_stats(const SimpleIoctl& ioctl, Argument argument) {
    if (Status status = call(ioctl.request, argument); !status) return status;
    auto stats = load<drm_i915_reset_stats>(argument);
    stats.reset_count = 0;  // of all users of the GPU; kernels show it to administrators only
    store(argument, stats);
    return {};
}

Status I915Context::create_context(const SimpleIoctl& ioctl, Argument argument) {
    if (Status status = check_room_for_context(); !status) return status;
    if (Status status = call(ioctl.request, argument); !status) return status;
    GemContext context;
    context.engines = gem_contexts_.at(0).engines;
    return context_created(load<drm_i915_gem_context_create>(argument).ctx_id, std::move(context));
}

Status I915Context::destroy_context(const SimpleIoctl& ioctl, Argument argument) {
    const uint32_t id = load<drm_i915_gem_context_destroy>(argument).ctx_id;
    if (id == 0 || !gem_contexts_.contains(id)) return fail(ENOENT, "unknown GEM context {}", id);
    if (Status status = call(ioctl.request, argument); !status) return status;
    gem_contexts_.erase(id);
    watch().destroyed(id);
    losses().clear(id);
    return {};
}

Status I915Context::get_context_param(const SimpleIoctl& ioctl, Argument argument) {
    const auto param = load<drm_i915_gem_context_param>(argument);
    if (Status status = check_param(param); !status) return status;
    const bool makes_vm = param.param == I915_CONTEXT_PARAM_VM;  // an id, at least
    if (makes_vm)
        if (Status status = check_room_for_vm(); !status) return status;
    if (Status status = call(ioctl.request, argument); !status) return status;
    if (!makes_vm) return {};
    if (const auto context = gem_contexts_.find(param.ctx_id); context != gem_contexts_.end())
        vms_.insert_or_assign(
            static_cast<uint32_t>(load<drm_i915_gem_context_param>(argument).value),
            context->second.tables);
    return {};
}

Status I915Context::set_context_param(const SimpleIoctl& ioctl, Argument argument) {
    auto param = load<drm_i915_gem_context_param>(argument);
    if (Status status = check_param(param); !status) return status;
    if (param.param == I915_CONTEXT_PARAM_PRIORITY) {
        const auto permitted = permitted_priority(param.value, account().limits().priority);
        if (!permitted) return tl::unexpected(permitted.error());
        param.value = *permitted;
        store(argument, param);
    }
    if (Status status = call(ioctl.request, argument); !status) return status;
    const auto context = gem_contexts_.find(param.ctx_id);
    if (context == gem_contexts_.end()) return {};
    if (param.param == I915_CONTEXT_PARAM_RECOVERABLE)
        context->second.recoverable = param.value != 0;
    if (param.param == I915_CONTEXT_PARAM_VM)
        if (auto tables = tables_of_vm(param.value)) context->second.tables = std::move(tables);
    return {};
}

Status I915Context::create_vm(const SimpleIoctl& ioctl, Argument argument) {
    const auto vm = load<drm_i915_gem_vm_control>(argument);
    // Extensions are a pointer.
    if (vm.extensions != 0 || vm.flags != 0)
        return fail(EINVAL, "an address space cannot have flags {:#x} or extensions", vm.flags);
    if (Status status = check_room_for_vm(); !status) return status;
    if (Status status = call(ioctl.request, argument); !status) return status;
    vms_.insert_or_assign(load<drm_i915_gem_vm_control>(argument).vm_id,
                          std::make_shared<PageTables>(account()));
    return {};
}

Status I915Context::destroy_vm(const SimpleIoctl& ioctl, Argument argument) {
    if (load<drm_i915_gem_vm_control>(argument).extensions != 0)
        return fail(EINVAL, "address space extensions are not supported");
    if (Status status = call(ioctl.request, argument); !status) return status;
    vms_.erase(load<drm_i915_gem_vm_control>(argument).vm_id);
    return {};
}

}  // namespace viaduct::i915
