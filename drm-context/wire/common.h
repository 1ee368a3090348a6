// Wire format shared by all native contexts (capset 6): capability set, control buffer, request
// and response headers. Layouts only, no logic; little-endian; both sides include this file.
// Offsets: virtio-gpu DRM native-context protocol, as Mesa's src/virtio/vdrm speaks it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace viaduct::wire {

inline constexpr uint32_t kCapsetDrm = 6;

/// Capset `context_type`: which kernel driver's interface the host offers.
enum class ContextType : uint32_t {
    kNone = 0,
    kMsm = 1,
    kAmdgpu = 2,
    kI915 = 3,
    kAsahi = 4,
    kPanfrost = 5,
    kXe = 6,
};

/// libdrm's `amdgpu_gpu_info` (<amdgpu.h>): part of the amdgpu capset since its first version.
struct AmdgpuGpuInfo {
    uint32_t asic_id;
    uint32_t chip_rev;
    uint32_t chip_external_rev;
    uint32_t family_id;
    uint64_t ids_flags;
    uint64_t max_engine_clk;  // kHz
    uint64_t max_memory_clk;  // kHz
    uint32_t num_shader_engines;
    uint32_t num_shader_arrays_per_engine;
    uint32_t avail_quad_shader_pipes;
    uint32_t max_quad_shader_pipes;
    uint32_t cache_entries_per_quad_pipe;
    uint32_t num_hw_gfx_contexts;
    uint32_t rb_pipes;
    uint32_t enabled_rb_pipes_mask;
    uint32_t gpu_counter_freq;
    uint32_t backend_disable[4];
    uint32_t mc_arb_ramcfg;
    uint32_t gb_addr_cfg;
    uint32_t gb_tile_mode[32];
    uint32_t gb_macro_tile_mode[16];
    uint32_t pa_sc_raster_cfg[4];
    uint32_t pa_sc_raster_cfg1[4];
    uint32_t cu_active_number;
    uint32_t cu_ao_mask;
    uint32_t cu_bitmap[4][4];
    uint32_t vram_type;
    uint32_t vram_bit_width;
    uint32_t ce_ram_size;
    uint32_t vce_harvest_config;
    uint32_t pci_rev_id;
};
static_assert(sizeof(AmdgpuGpuInfo) == 416);
static_assert(offsetof(AmdgpuGpuInfo, backend_disable) == 76);
static_assert(offsetof(AmdgpuGpuInfo, cu_bitmap) == 332);
static_assert(offsetof(AmdgpuGpuInfo, pci_rev_id) == 412);

struct CapsetAmdgpu {
    uint32_t address32_hi;
    uint32_t flags;  // bit 0: has_vm_always_valid
    uint64_t alignment_local;
    uint64_t alignment_remote;
    AmdgpuGpuInfo gpu_info;
    char marketing_name[128];
};
static_assert(sizeof(CapsetAmdgpu) == 568);

/// Capset 6, version 0. Always the long form: guests copy the smaller of theirs and ours.
struct CapsetDrm {
    uint32_t wire_format_version;
    uint32_t version_major;
    uint32_t version_minor;
    uint32_t version_patchlevel;
    ContextType context_type;
    uint32_t pad;
    union {
        std::byte any[sizeof(CapsetAmdgpu)];  // the largest member; zeros where a driver has none
        CapsetAmdgpu amdgpu;
    } u;
};
static_assert(sizeof(CapsetDrm) == 592);
static_assert(offsetof(CapsetDrm, u.amdgpu.gpu_info) == 48);
static_assert(offsetof(CapsetDrm, u.amdgpu.marketing_name) == 464);

/// Head of the control buffer ("shmem", blob_id 0). Driver fields follow; the response area starts
/// at rsp_mem_offset.
struct ShmemHeader {
    uint32_t seqno;
    uint32_t rsp_mem_offset;
};
static_assert(sizeof(ShmemHeader) == 8);

struct RequestHeader {
    uint32_t cmd;
    uint32_t len;  // bytes, this header included
    uint32_t seqno;
    uint32_t rsp_off;  // into the response area
};
static_assert(sizeof(RequestHeader) == 16);

/// Every response begins with its length, preset by the guest to the room it reserved.
struct ResponseHeader {
    uint32_t len;
};
static_assert(sizeof(ResponseHeader) == 4);

}  // namespace viaduct::wire
