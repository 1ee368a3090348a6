// The simulated chips, as data: what the INFO ioctl answers about each.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "simgpu/amd/kernel/uapi.h"
#include "simgpu/chip.h"

namespace simgpu::amdgpu {

/// Bytes of the doorbell BAR, of which the kernel keeps a page (Linux: amdgpu_doorbell_mgr.c).
inline constexpr uint64_t kDoorbellSize = (2ull << 20) - 4096;

/// One kind of hardware queue. Rings are numbered 0 ... ring_count - 1.
struct IpBlock {
    uint32_t type = 0;  // AMDGPU_HW_IP_*
    uint32_t version_major = 0;
    uint32_t version_minor = 0;
    uint32_t discovery_version = 0;
    uint32_t ib_start_alignment = 0;
    uint32_t ib_size_alignment = 0;
    uint32_t ring_count = 0;
    const char* name = nullptr;  // as fdinfo calls it (amdgpu_fdinfo.c amdgpu_ip_name)
};

/// One kind of video that the chip decodes or encodes.
struct Codec {
    uint32_t index = 0;  // AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_*
    uint32_t width = 0;  // pixels, at most
    uint32_t height = 0;
    uint32_t level = 0;
};

struct FirmwareVersion {
    uint32_t type = 0;  // AMDGPU_INFO_FW_*
    uint32_t version = 0;
    uint32_t feature = 0;
};

struct RegisterValue {
    uint32_t dword_offset = 0;
    uint32_t value = 0;
};

struct ModelInfo {
    std::string_view name;  // "renoir"
    const char* marketing_name = nullptr;
    PciIdentity pci;
    DeviceInfo device;
    uint64_t vram_size = 0;          // bytes
    uint64_t visible_vram_size = 0;  // of these, what the CPU reaches
    uint64_t gtt_size = 0;
    uint32_t cursor_size = 0;  // pixels in each direction
    drm_amdgpu_info_gds gds{};
    std::span<const IpBlock> ips;
    std::span<const std::string_view> ring_kinds;  // the names of `ips`
    std::span<const FirmwareVersion> firmware;
    std::span<const Codec> decoders;
    std::span<const Codec> encoders;
    std::span<const RegisterValue> registers;  // what READ_MMR_REG may read
    /// Metadata of compressed surfaces is interleaved among render backends as on chips after
    /// Vega 10 and Raven (Mesa's addrlib: applyAliasFix).
    bool metadata_alias_fix = false;
    /// The registers of vertex shaders ahead of tessellation are not where they belong in waves
    /// without control points (Mesa: has_ls_vgpr_init_bug).
    bool moves_vertex_registers = false;

    /// Null if the chip has no such block.
    const IpBlock* find_ip(uint32_t type) const;
    /// Index over all rings of the chip; -1 if the chip lacks that ring.
    int ring_index(uint32_t ip_type, uint32_t ring) const;
    int ring_count() const;
    /// GB_ADDR_CONFIG of `registers`: pipes and banks, which tiled surfaces depend on.
    uint32_t gb_addr_config() const;
};

std::span<const ModelInfo> models();
/// Null if there is no such model.
const ModelInfo* find_model(std::string_view name);

/// How much of the model's VRAM the CPU reaches, in bytes: its own figure, or what
/// $VIADUCT_SIMGPU_VISIBLE_VRAM says ("64M"), a smaller BAR. EINVAL and one sentence if that is not
/// a size of at least 1 MiB.
viaduct::Result<uint64_t> visible_vram(const ModelInfo& model);

/// How many IBs one job may have on a ring of this type (Linux: amdgpu_ring_max_ibs()).
uint32_t max_ibs(uint32_t ip_type);

}  // namespace simgpu::amdgpu
