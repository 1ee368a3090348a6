// Parts of the kernel's INFO answers that guests must not see: offers without commands in the
// protocol. Both ends apply it, since the other one may be older or somebody else's.
#pragma once

#include <amdgpu_drm.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace viaduct::wire::amdgpu {

/// A field of an INFO answer that reads as zero: bytes `offset` to `offset + size`.
struct HiddenField {
    uint32_t query;  // AMDGPU_INFO_*
    uint32_t offset;
    uint32_t size;
};

/// User queues need doorbells and five ioctls of their own. A driver that believes in them creates
/// no device, rather than one on kernel queues. Offsets: include/uapi/drm/amdgpu_drm.h of Linux
/// 6.16; libdrm's header has the fields since 2.4.125.
inline constexpr HiddenField kHiddenFields[] = {
    // drm_amdgpu_info_device::userq_ip_mask. It took the place of padding: structures of 440 bytes,
    // which older drivers ask for, have it already.
    {AMDGPU_INFO_DEV_INFO, 436, 4},
    {AMDGPU_INFO_HW_IP_INFO, 32, 4},  // drm_amdgpu_info_hw_ip::userq_num_slots
};

template <typename Device, typename HwIp>
constexpr bool hidden_fields_are_where_the_header_has_them() {
    bool right = true;
    if constexpr (requires(Device device) { device.userq_ip_mask; })
        right = right && offsetof(Device, userq_ip_mask) == kHiddenFields[0].offset;
    if constexpr (requires(HwIp ip) { ip.userq_num_slots; })
        right = right && offsetof(HwIp, userq_num_slots) == kHiddenFields[1].offset;
    return right;
}
static_assert(
    hidden_fields_are_where_the_header_has_them<drm_amdgpu_info_device, drm_amdgpu_info_hw_ip>());

/// AMDGPU_INFO_UQ_FW_AREAS of Linux 6.16: sizes that user queues need.
inline constexpr uint32_t kInfoUserQueueAreas = 0x24;

/// AMDGPU_INFO_MAX_IBS of Linux 6.6: a uint32_t for each hardware IP type.
inline constexpr uint32_t kInfoMaxIbs = 0x22;

/// True for a query that is answered with EINVAL, as by a kernel that does not know it.
inline bool is_hidden_query(uint32_t query) {
    return query == kInfoUserQueueAreas;
}

/// Zeroes the hidden fields of an answer of any length.
inline void hide_fields(uint32_t query, std::span<std::byte> answer) {
    for (const HiddenField& field : kHiddenFields) {
        if (field.query != query || field.offset >= answer.size()) continue;
        const size_t there = std::min<size_t>(field.size, answer.size() - field.offset);
        std::memset(answer.data() + field.offset, 0, there);
    }
}

}  // namespace viaduct::wire::amdgpu
