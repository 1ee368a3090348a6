// GETPARAM, QUERYPARAM.
#include <algorithm>

#include "drm-context/i915/i915_context.h"
#include "drm-context/i915/uapi.h"

namespace viaduct::i915 {

namespace w = wire::i915;

namespace {

// 4: MMAP_OFFSET. From 5 on single pages of a buffer can be mapped, which a blob cannot.
constexpr int kMmapGttVersion = 4;

}  // namespace

int32_t query_item(Device& device, uint64_t query, uint32_t flags, void* to, uint32_t length) {
    drm_i915_query_item item{};
    item.query_id = query;
    item.length = static_cast<int32_t>(length);
    item.flags = flags;
    item.data_ptr = reinterpret_cast<uint64_t>(to);
    drm_i915_query args{};
    args.num_items = 1;
    args.items_ptr = reinterpret_cast<uint64_t>(&item);
    if (const int error = device.ioctl(DRM_IOCTL_I915_QUERY, &args); error < 0) return error;
    return item.length;
}

Status I915Context::get_param(Request& request) {
    const auto wanted = request.as<w::GetParamRequest>();
    int value = 0;
    drm_i915_getparam_t args{};
    args.param = static_cast<int32_t>(wanted.param);
    args.value = &value;
    const int error = device().ioctl(DRM_IOCTL_I915_GETPARAM, &args);
    // An unknown parameter is an ordinary answer, no error of the command.
    if (error < 0) {
        request.respond(w::GetParamResponse{{}, 0, -error, UINT32_MAX});
        return {};
    }
    if (args.param == I915_PARAM_MMAP_GTT_VERSION) value = std::min(value, kMmapGttVersion);
    request.respond(w::GetParamResponse{{}, 0, 0, static_cast<uint32_t>(value)});
    return {};
}

Status I915Context::query_param(Request& request) {
    const auto query = request.as<w::QueryParamRequest>();
    if (query.pad != 0) return fail(EINVAL, "pad is {:#x}, not 0", query.pad);
    // The kernel writes behind our header, into private memory that is zero.
    const auto answer = request.response().subspan(sizeof(w::QueryParamResponse));
    request.respond(w::QueryParamResponse{{}, 0, 0, answer_query(query, answer)});
    return {};
}

int32_t I915Context::answer_query(const w::QueryParamRequest& query, Argument answer) {
    if (query.query_id == DRM_I915_QUERY_ENGINE_INFO) return engine_info(query, answer);
    const int32_t length = query_kernel(query, answer);
    if (query.query_id == DRM_I915_QUERY_MEMORY_REGIONS && length > 0 && !answer.empty())
        limit_regions(answer.first(std::min<size_t>(answer.size(), static_cast<size_t>(length))));
    return length;
}

int32_t I915Context::query_kernel(const w::QueryParamRequest& query, Argument answer) {
    // answer.size() is query.length, which the response had room for.
    return query_item(device(), query.query_id, query.flags, answer.data(),
                      static_cast<uint32_t>(answer.size()));
}

/// The engines that this VM is offered; the kernel's answer may be longer than ours.
int32_t I915Context::engine_info(const w::QueryParamRequest& query, Argument answer) {
    constexpr size_t kHead = sizeof(drm_i915_query_engine_info);
    const int32_t full = query_item(device(), query.query_id, query.flags, nullptr, 0);
    if (full < static_cast<int32_t>(kHead)) return full;
    std::vector<std::byte> all(static_cast<size_t>(full));
    const int32_t length =
        query_item(device(), query.query_id, query.flags, all.data(), static_cast<uint32_t>(full));
    if (length != full) return length < 0 ? length : -EINVAL;
    auto head = element<drm_i915_query_engine_info>(all, 0);
    head.num_engines = 0;
    std::vector<std::byte> ours(kHead);
    const auto entries = std::span<const std::byte>(all).subspan(kHead);
    for (size_t i = 0; i < entries.size() / sizeof(drm_i915_engine_info); ++i) {
        const auto info = element<drm_i915_engine_info>(entries, i);
        if (!engines_.offers(info.engine.engine_class, info.engine.engine_instance)) continue;
        const auto bytes = std::as_bytes(std::span(&info, 1));
        ours.insert(ours.end(), bytes.begin(), bytes.end());
        ++head.num_engines;
    }
    std::memcpy(ours.data(), &head, kHead);
    const auto ours_size = static_cast<int32_t>(ours.size());
    if (answer.empty()) return ours_size;
    if (answer.size() < ours.size()) return -EINVAL;  // as the kernel
    std::ranges::copy(ours, answer.begin());
    return ours_size;
}

/// Memory looks as large as the VM's budget; what others have allocated of it does not show.
void I915Context::limit_regions(Argument answer) {
    constexpr size_t kHead = sizeof(drm_i915_query_memory_regions);
    if (answer.size() < kHead) return;
    const uint64_t limit = account().memory_limit();
    const MemoryUse use = account().memory_use();
    const auto entries = answer.subspan(kHead);
    const size_t count = entries.size() / sizeof(drm_i915_memory_region_info);
    const auto is_local = [&](size_t i) {
        return element<drm_i915_memory_region_info>(entries, i).region.memory_class ==
               I915_MEMORY_CLASS_DEVICE;
    };
    // Page tables are the device's memory where it has some.
    bool has_local = false;
    for (size_t i = 0; i < count; ++i) has_local = has_local || is_local(i);
    const uint64_t in_system = has_local ? use.system : use.total();
    for (size_t i = 0; i < count; ++i) {
        auto info = element<drm_i915_memory_region_info>(entries, i);
        const uint64_t size =
            limit != 0 ? std::min<uint64_t>(info.probed_size, limit) : uint64_t{info.probed_size};
        const uint64_t used = std::min(size, is_local(i) ? use.local : in_system);
        info.probed_size = size;
        info.unallocated_size = size - used;
        const auto lower = [&](auto& field, uint64_t to) { field = std::min<uint64_t>(field, to); };
        lower(info.probed_cpu_visible_size, size);
        lower(info.unallocated_cpu_visible_size, size - used);
        std::memcpy(entries.data() + i * sizeof(info), &info, sizeof(info));
    }
}

}  // namespace viaduct::i915
