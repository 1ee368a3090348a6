// GETPARAM, QUERY, REG_READ.
#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/i915/driver.h"

namespace viaduct::guest::i915 {

namespace {

template <typename T>
T* user(uint64_t address) {
    return reinterpret_cast<T*>(static_cast<uintptr_t>(address));
}

}  // namespace

int Driver::get_param(const Channel& channel, drm_i915_getparam_t& arg) {
    auto request = make_request<wire::GetParamRequest>(wire::Command::kGetParam);
    request.param = static_cast<uint32_t>(arg.param);
    wire::GetParamResponse answer{};
    if (const int error = stream().call(channel, {as_bytes(request), as_bytes(answer)}); error < 0)
        return error;
    IoctlNotes::add("param={} value={}", arg.param, answer.value);
    if (answer.ret != 0) return error_of(answer.ret);
    if (!arg.value) return -EFAULT;
    // Userptr needs pages that the host can reach.
    *arg.value = arg.param == I915_PARAM_HAS_USERPTR_PROBE ? 0 : static_cast<int>(answer.value);
    return 0;
}

/// The answer's length goes to item.length, or what is wrong.
int Driver::query_item(const Channel& channel, drm_i915_query_item& item) {
    auto request = make_request<wire::QueryParamRequest>(wire::Command::kQueryParam);
    if (item.query_id > UINT32_MAX || item.length < 0) {
        item.length = -EINVAL;
        return 0;
    }
    const auto size = static_cast<size_t>(item.length);
    if (size + sizeof(wire::QueryParamResponse) > stream().max_response()) return -ENOMEM;
    request.query_id = static_cast<uint32_t>(item.query_id);
    request.length = static_cast<uint32_t>(item.length);
    request.flags = item.flags;
    std::vector<std::byte> response(sizeof(wire::QueryParamResponse) + size);
    if (const int error = stream().call(channel, {as_bytes(request), response}); error < 0)
        return error;
    wire::QueryParamResponse answer{};
    std::memcpy(&answer, response.data(), sizeof(answer));
    IoctlNotes::add("id={} length={}", request.query_id, answer.length);
    if (answer.ret != 0) return error_of(answer.ret);
    if (answer.length > 0 && size != 0) {
        if (item.data_ptr == 0) return -EFAULT;
        std::memcpy(user<void>(item.data_ptr), response.data() + sizeof(answer),
                    std::min(size, static_cast<size_t>(answer.length)));
    }
    item.length = answer.length;
    return 0;
}

int Driver::query(const Channel& channel, drm_i915_query& arg) {
    if (arg.flags != 0) return -EINVAL;
    if (arg.num_items != 0 && arg.items_ptr == 0) return -EFAULT;
    auto* const items = user<drm_i915_query_item>(arg.items_ptr);
    for (uint32_t i = 0; i < arg.num_items; ++i) {
        drm_i915_query_item item = items[i];
        if (item.query_id == 0) return -EINVAL;
        if (const int error = query_item(channel, item); error < 0) return error;
        items[i].length = item.length;
    }
    return 0;
}

int Driver::reg_read(const Channel& channel, drm_i915_reg_read& arg) {
    return pass(channel, DRM_IOCTL_I915_REG_READ, arg);
}

}  // namespace viaduct::guest::i915
