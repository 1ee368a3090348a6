// The amdgpu user interface as the simulated device plays it: libdrm's header, completed with what
// newer kernels have added since libdrm 2.4.114.
#pragma once

#include <amdgpu_drm.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace simgpu::amdgpu {

// Linux 6.13 include/uapi/drm/amdgpu_drm.h.
inline constexpr uint32_t kIpVpe = 9;
inline constexpr uint32_t kIpTypes = 10;
inline constexpr uint32_t kInfoMaxIbs = 0x22;
inline constexpr uint32_t kInfoGpuvmFault = 0x23;
inline constexpr uint32_t kChunkCpGfxShadow = 0x0a;
inline constexpr uint32_t kVmPageNoalloc = 1u << 9;
inline constexpr uint64_t kDomainDoorbell = 0x40;
inline constexpr uint64_t kGemDiscardable = 1u << 12;
inline constexpr uint64_t kGemCoherent = 1u << 13;
inline constexpr uint64_t kGemUncached = 1u << 14;
inline constexpr uint64_t kGemExtCoherent = 1u << 15;
inline constexpr uint64_t kGemGfx12Dcc = 1u << 16;
inline constexpr uint32_t kFwFirst = 0x01;   // AMDGPU_INFO_FW_VCE
inline constexpr uint32_t kFwUnused = 0x09;  // the one number between them that none has
inline constexpr uint32_t kFwLast = 0x1c;    // AMDGPU_INFO_FW_VPE

/// struct drm_amdgpu_info_device of Linux 6.13, whichever libdrm's header is there: 2.4.114 has its
/// first 368 bytes and calls pcie_gen and pcie_num_lanes `_pad` and `_pad1`, 2.4.124 has all of it.
template <typename Header>
struct CompletedDeviceInfo : Header {
    uint64_t min_engine_clock;  // kHz
    uint64_t min_memory_clock;
    uint32_t tcp_cache_size;  // KiB, as the others
    uint32_t num_sqc_per_wgp;
    uint32_t sqc_data_cache_size;
    uint32_t sqc_inst_cache_size;
    uint32_t gl1c_cache_size;
    uint32_t gl2c_cache_size;
    uint64_t mall_size;
    uint32_t enabled_rb_pipes_mask_hi;
    uint32_t shadow_size;
    uint32_t shadow_alignment;
    uint32_t csa_size;
    uint32_t csa_alignment;
    uint32_t pad;
};
template <typename Header>
requires requires(Header header) {
    header.min_engine_clock;
}
struct CompletedDeviceInfo<Header> : Header {};

using DeviceInfo = CompletedDeviceInfo<drm_amdgpu_info_device>;
// As a 64-bit kernel has it; 32-bit programs ask for less.
static_assert(sizeof(DeviceInfo) == 440 || sizeof(void*) < 8, "what libdrm 2.4.124 asks for");

/// The same struct since KMS 3.64 (Linux 6.16): userq_ip_mask, a bit per AMDGPU_HW_IP_*, in what
/// was the padding at its end, and four bytes of padding more.
struct DeviceInfoWithUserQueues {
    std::array<std::byte, 436> before;
    uint32_t userq_ip_mask;
    uint32_t pad[2];
};
static_assert(sizeof(DeviceInfoWithUserQueues) == 448);

/// struct drm_amdgpu_info_hw_ip with its newest field, userq_num_slots.
struct HwIpInfoWithUserQueues {
    drm_amdgpu_info_hw_ip before;
    uint32_t userq_num_slots;
    uint32_t pad;
};
static_assert(sizeof(drm_amdgpu_info_hw_ip) == 32 && sizeof(HwIpInfoWithUserQueues) == 40);

template <typename Info>
constexpr void set_pcie(Info& info, uint32_t generation, uint32_t lanes) {
    if constexpr (requires { info.pcie_gen; }) {
        info.pcie_gen = generation;
        info.pcie_num_lanes = lanes;
    } else {
        info._pad = generation;
        info._pad1 = lanes;
    }
}

/// The field that drm_amdgpu_info_hw_ip has for it since Linux 5.19; libdrm 2.4.114 calls it
/// `_pad`.
template <typename Info>
constexpr void set_discovery_version(Info& info, uint32_t version) {
    if constexpr (requires { info.ip_discovery_version; })
        info.ip_discovery_version = version;
    else
        info._pad = version;
}

/// struct drm_amdgpu_info_gpuvm_fault, Linux 6.7.
struct GpuvmFault {
    uint64_t addr;
    uint32_t status;
    uint32_t vmhub;
};

}  // namespace simgpu::amdgpu
