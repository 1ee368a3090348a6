// amdgpu's member of the capability set. Layouts only.
#pragma once

#include "wire/capset.h"

namespace viaduct::wire::amdgpu {

/// libdrm's `amdgpu_gpu_info` (<amdgpu.h>): part of the amdgpu capset since its first version.
struct GpuInfo {
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
static_assert(sizeof(GpuInfo) == 416);
static_assert(offsetof(GpuInfo, backend_disable) == 76);
static_assert(offsetof(GpuInfo, cu_bitmap) == 332);
static_assert(offsetof(GpuInfo, pci_rev_id) == 412);

struct Capset {
    uint32_t address32_hi;
    uint32_t flags;  // bit 0: has_vm_always_valid
    uint64_t alignment_local;
    uint64_t alignment_remote;
    GpuInfo gpu_info;
    char marketing_name[128];
};
static_assert(sizeof(Capset) == 568);
static_assert(offsetof(CapsetDrm, driver) + offsetof(Capset, gpu_info) == 48);
static_assert(offsetof(CapsetDrm, driver) + offsetof(Capset, marketing_name) == 464);

}  // namespace viaduct::wire::amdgpu
