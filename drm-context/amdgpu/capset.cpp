#include "drm-context/amdgpu/capset.h"

#include <amdgpu_drm.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "drm-context/amdgpu/amdgpu_context.h"
#include "drm-context/amdgpu/marketing_name.h"
#include "wire/amdgpu_capset.h"

namespace viaduct::amdgpu {

namespace {

constexpr long kGuestPage = 4096;

// Register offsets in dwords (mesa: src/amd/registers); those the kernel lets userspace read.
constexpr uint32_t kGbAddrConfig = 0x263e;
constexpr uint32_t kCcRbBackendDisable = 0x263d;
constexpr uint32_t kPaScRasterConfig = 0xa0d4;
constexpr uint32_t kPaScRasterConfig1 = 0xa0d5;
constexpr uint32_t kGbTileMode0 = 0x2644;
constexpr uint32_t kGbMacroTileMode0 = 0x2664;
constexpr uint32_t kMcArbRamcfg = 0x9d8;
// READ_MMR_REG instance: which shader engine and array to read from; all ones: any.
constexpr uint32_t kBroadcast = 0xffffffff;

void read_registers(Device& device, uint32_t first, std::span<uint32_t> to, uint32_t instance) {
    drm_amdgpu_info info{};
    info.return_pointer = reinterpret_cast<uint64_t>(to.data());
    info.return_size = static_cast<uint32_t>(to.size_bytes());
    info.query = AMDGPU_INFO_READ_MMR_REG;
    info.read_mmr_reg.dword_offset = first;
    info.read_mmr_reg.count = static_cast<uint32_t>(to.size());
    info.read_mmr_reg.instance = instance;
    // A register this chip does not offer stays 0, which guests take as unknown.
    device.ioctl(DRM_IOCTL_AMDGPU_INFO, &info);
}

uint32_t instance_of_engine(uint32_t engine) {
    return (engine << AMDGPU_INFO_MMR_SE_INDEX_SHIFT) |
           (AMDGPU_INFO_MMR_SH_INDEX_MASK << AMDGPU_INFO_MMR_SH_INDEX_SHIFT);
}

void fill_registers(Device& device, const drm_amdgpu_info_device& kernel,
                    wire::amdgpu::GpuInfo& info) {
    const bool older_than_gfx9 = kernel.family < AMDGPU_FAMILY_AI;
    const uint32_t engines = older_than_gfx9 ? std::min(kernel.num_shader_engines, 4u) : 0;
    for (uint32_t engine = 0; engine < engines; ++engine) {
        const uint32_t instance = instance_of_engine(engine);
        read_registers(device, kCcRbBackendDisable, {&info.backend_disable[engine], 1}, instance);
        // Bits 16..23 hold the mask of disabled back ends (libdrm: amdgpu_gpu_info.c).
        info.backend_disable[engine] = (info.backend_disable[engine] >> 16) & 0xff;
        read_registers(device, kPaScRasterConfig, {&info.pa_sc_raster_cfg[engine], 1}, instance);
        if (kernel.family >= AMDGPU_FAMILY_CI)
            read_registers(device, kPaScRasterConfig1, {&info.pa_sc_raster_cfg1[engine], 1},
                           instance);
    }
    read_registers(device, kGbAddrConfig, {&info.gb_addr_cfg, 1}, kBroadcast);
    if (!older_than_gfx9) return;
    read_registers(device, kGbTileMode0, info.gb_tile_mode, kBroadcast);
    if (kernel.family >= AMDGPU_FAMILY_CI)
        read_registers(device, kGbMacroTileMode0, info.gb_macro_tile_mode, kBroadcast);
    read_registers(device, kMcArbRamcfg, {&info.mc_arb_ramcfg, 1}, kBroadcast);
}

wire::amdgpu::GpuInfo make_gpu_info(Device& device, const drm_amdgpu_info_device& kernel) {
    wire::amdgpu::GpuInfo info{};
    info.asic_id = kernel.device_id;
    info.chip_rev = kernel.chip_rev;
    info.chip_external_rev = kernel.external_rev;
    info.family_id = kernel.family;
    info.ids_flags = kernel.ids_flags;
    info.max_engine_clk = kernel.max_engine_clock;
    info.max_memory_clk = kernel.max_memory_clock;
    info.num_shader_engines = kernel.num_shader_engines;
    info.num_shader_arrays_per_engine = kernel.num_shader_arrays_per_engine;
    info.num_hw_gfx_contexts = kernel.num_hw_gfx_contexts;
    info.rb_pipes = kernel.num_rb_pipes;
    info.enabled_rb_pipes_mask = kernel.enabled_rb_pipes_mask;
    info.gpu_counter_freq = kernel.gpu_counter_freq;
    info.cu_active_number = kernel.cu_active_number;
    info.cu_ao_mask = kernel.cu_ao_mask;
    static_assert(sizeof(info.cu_bitmap) == sizeof(kernel.cu_bitmap));
    std::memcpy(info.cu_bitmap, kernel.cu_bitmap, sizeof(info.cu_bitmap));
    info.vram_type = kernel.vram_type;
    info.vram_bit_width = kernel.vram_bit_width;
    info.ce_ram_size = kernel.ce_ram_size;
    info.vce_harvest_config = kernel.vce_harvest_config;
    info.pci_rev_id = kernel.pci_rev;
    fill_registers(device, kernel, info);
    return info;
}

// Upper half of the window for 32-bit addresses, as libdrm's VA manager places it: at the start of
// the high range if the GPU has one, else at the bottom.
uint32_t address32_hi(const drm_amdgpu_info_device& kernel) {
    const uint64_t base =
        kernel.high_va_offset != 0 ? kernel.high_va_offset : kernel.virtual_address_offset;
    return static_cast<uint32_t>(base >> 32);
}

}  // namespace

// Guests place blobs, offsets in buffers and user fences in pages of 4 KiB, and the kernel wants
// whole pages of its own (amdgpu_cs.c: amdgpu_cs_p1_user_fence()).
Status check_page_size(long bytes) {
    if (bytes == kGuestPage) return {};
    return fail(ENOTSUP,
                "this host has pages of {} bytes, but amdgpu contexts need pages of {}: run a host "
                "kernel with pages of 4 KiB",
                bytes, kGuestPage);
}

Status fill_capset(Device& device, wire::CapsetDrm& capset) {
    if (auto status = check_page_size(::sysconf(_SC_PAGESIZE)); !status) return status;
    drm_amdgpu_info_device kernel{};
    if (const int error = query_kernel(device, AMDGPU_INFO_DEV_INFO, &kernel, sizeof(kernel));
        error < 0)
        return fail(ENOTSUP, "cannot query the amdgpu device (errno {})", -error);
    wire::amdgpu::Capset amdgpu{};
    amdgpu.address32_hi = address32_hi(kernel);
    amdgpu.flags = 1;  // has_vm_always_valid: we map through the render node, no export needed
    // As libdrm's amdgpu_query_buffer_size_alignment().
    amdgpu.alignment_local = kernel.pte_fragment_size;
    amdgpu.alignment_remote = kernel.gart_page_size;
    amdgpu.gpu_info = make_gpu_info(device, kernel);
    const std::string name = marketing_name(kernel.device_id, kernel.pci_rev);
    std::memcpy(amdgpu.marketing_name, name.data(),
                std::min(name.size(), sizeof(amdgpu.marketing_name) - 1));
    capset.set_member(amdgpu);
    return {};
}

}  // namespace viaduct::amdgpu
