#include "simgpu/amd/kernel/model.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace simgpu::amdgpu {

namespace {

constexpr uint64_t kMiB = 1ull << 20;
constexpr uint16_t kVendorAmd = 0x1002;

// IP versions and alignments: Linux, amdgpu_kms.c (amdgpu_hw_ip_info) and the chips' IP discovery
// tables. Alignments are in bytes. A program sees no more rings of a kind than a context has
// entities for (amdgpu_ctx_num_entities): 4 of 8 compute rings, 1 of several encoders.
constexpr std::array kRenoirIps = {
    IpBlock{AMDGPU_HW_IP_GFX, 9, 0, 0x090300, 32, 32, 1, "gfx"},
    IpBlock{AMDGPU_HW_IP_COMPUTE, 9, 0, 0x090300, 32, 32, 4, "compute"},
    IpBlock{AMDGPU_HW_IP_DMA, 4, 1, 0x040102, 256, 4, 1, "dma"},
    IpBlock{AMDGPU_HW_IP_VCN_DEC, 2, 0, 0x020200, 256, 64, 1, "dec"},
    IpBlock{AMDGPU_HW_IP_VCN_ENC, 2, 0, 0x020200, 256, 4, 1, "enc"},
    IpBlock{AMDGPU_HW_IP_VCN_JPEG, 2, 0, 0x020200, 256, 64, 1, "jpeg"},
};
constexpr std::array kVega10Ips = {
    IpBlock{AMDGPU_HW_IP_GFX, 9, 0, 0x090001, 32, 32, 1, "gfx"},
    IpBlock{AMDGPU_HW_IP_COMPUTE, 9, 0, 0x090001, 32, 32, 4, "compute"},
    IpBlock{AMDGPU_HW_IP_DMA, 4, 0, 0x040000, 256, 4, 2, "dma"},
    IpBlock{AMDGPU_HW_IP_UVD, 7, 0, 0x070000, 256, 64, 1, "dec"},
    IpBlock{AMDGPU_HW_IP_VCE, 4, 0, 0x040000, 256, 4, 1, "enc"},
    IpBlock{AMDGPU_HW_IP_UVD_ENC, 7, 0, 0x070000, 256, 4, 1, "enc_1"},
};

template <size_t kCount>
constexpr std::array<std::string_view, kCount> names_of(const std::array<IpBlock, kCount>& ips) {
    std::array<std::string_view, kCount> names;
    std::ranges::transform(ips, names.begin(), &IpBlock::name);
    return names;
}
constexpr auto kRenoirRings = names_of(kRenoirIps);
constexpr auto kVega10Rings = names_of(kVega10Ips);

// soc15.c: rn_video_codecs_decode, vega_video_codecs_decode, vega_video_codecs_encode.
constexpr std::array kRenoirDecoders = {
    Codec{AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_MPEG2, 4096, 4096, 3},
    Codec{AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_MPEG4, 4096, 4096, 5},
    Codec{AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_MPEG4_AVC, 4096, 4096, 52},
    Codec{AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_VC1, 4096, 4096, 4},
    Codec{AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_HEVC, 8192, 4352, 186},
    Codec{AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_JPEG, 16384, 16384, 0},
    Codec{AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_VP9, 8192, 4352, 0},
};
constexpr std::array kVega10Decoders = {
    Codec{AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_MPEG2, 4096, 4096, 3},
    Codec{AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_MPEG4, 4096, 4096, 5},
    Codec{AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_MPEG4_AVC, 4096, 4096, 52},
    Codec{AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_VC1, 4096, 4096, 4},
    Codec{AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_HEVC, 4096, 4096, 186},
    Codec{AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_JPEG, 4096, 4096, 0},
};
constexpr std::array kEncoders = {
    Codec{AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_MPEG4_AVC, 4096, 4096, 0},
    Codec{AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_HEVC, 4096, 4096, 0},
};

constexpr std::array kRenoirFirmware = {
    FirmwareVersion{AMDGPU_INFO_FW_GFX_ME, 166, 53},
    FirmwareVersion{AMDGPU_INFO_FW_GFX_PFP, 194, 53},
    FirmwareVersion{AMDGPU_INFO_FW_GFX_CE, 79, 53},
    FirmwareVersion{AMDGPU_INFO_FW_GFX_RLC, 60, 1},
    FirmwareVersion{AMDGPU_INFO_FW_GFX_MEC, 464, 53},
    FirmwareVersion{AMDGPU_INFO_FW_SDMA, 40, 41},
    // Encoder 1.17, decoder 5, revision 2 (amdgpu_vcn_sw_init() takes the word apart).
    FirmwareVersion{AMDGPU_INFO_FW_VCN, 0x05111002, 0},
};
constexpr std::array kVega10Firmware = {
    FirmwareVersion{AMDGPU_INFO_FW_GFX_ME, 163, 50},
    FirmwareVersion{AMDGPU_INFO_FW_GFX_PFP, 186, 50},
    FirmwareVersion{AMDGPU_INFO_FW_GFX_CE, 79, 50},
    FirmwareVersion{AMDGPU_INFO_FW_GFX_RLC, 60, 1},
    FirmwareVersion{AMDGPU_INFO_FW_GFX_MEC, 432, 50},
    FirmwareVersion{AMDGPU_INFO_FW_SDMA, 430, 42},
    FirmwareVersion{AMDGPU_INFO_FW_UVD, 0x41421d00, 0},  // 66.66, family 29
    FirmwareVersion{AMDGPU_INFO_FW_VCE, 0x39040100, 0},  // 57.4.1
};

// GB_ADDR_CONFIG is the one register that GFX9 drivers read.
constexpr uint32_t kGbAddrConfig = 0x263e;
constexpr std::array kRenoirRegisters = {RegisterValue{kGbAddrConfig, 0x26010042}};
constexpr std::array kVega10Registers = {RegisterValue{kGbAddrConfig, 0x2a114042}};

/// gfx_v9_0_set_gds_init(), as amdgpu_info_ioctl() shows it: bytes of GDS, entries of GWS and OA.
constexpr drm_amdgpu_info_gds gfx9_gds() {
    drm_amdgpu_info_gds info{};
    info.compute_partition_size = 0x10000;
    info.gds_total_size = 0x10000;
    info.gws_per_compute_partition = 64;
    info.oa_per_compute_partition = 16;
    return info;
}

/// Common to all GFX9 chips.
constexpr DeviceInfo gfx9_device() {
    DeviceInfo info{};
    info.gpu_counter_freq = 100000;  // kHz: gpu_clock() of clock.h
    info.num_hw_gfx_contexts = 8;
    set_pcie(info, 3, 16);
    // amdgpu_vm.h: AMDGPU_VA_RESERVED_BOTTOM below, 4 MiB and 8 KiB of AMDGPU_VA_RESERVED_TOP
    // above.
    info.virtual_address_offset = 0x10000;
    info.virtual_address_max = 0x800000000000;  // 47 bits below the hole
    info.virtual_address_alignment = 4096;
    info.high_va_offset = 0xffff800000000000;
    info.high_va_max = 0xffffffffffbfe000;
    info.pte_fragment_size = 2 * kMiB;
    info.gart_page_size = 4096;
    info.ce_ram_size = 32768;
    info.gc_double_offchip_lds_buf = 1;
    info.wave_front_size = 64;
    info.num_shader_visible_vgprs = 256;
    info.gs_vgt_table_depth = 32;
    info.gs_prim_buffer_depth = 1792;
    info.max_gs_waves_per_vgt = 32;
    info.tcp_cache_size = 16;
    info.num_sqc_per_wgp = 1;
    info.sqc_data_cache_size = 16;
    info.sqc_inst_cache_size = 32;
    return info;
}

constexpr DeviceInfo renoir_device() {
    DeviceInfo info = gfx9_device();
    info.device_id = 0x15e7;
    info.external_rev = 0xa1;
    info.pci_rev = 0xe9;
    info.family = AMDGPU_FAMILY_RV;
    info.num_shader_engines = 1;
    info.num_shader_arrays_per_engine = 1;
    info.max_engine_clock = 1800000;
    info.max_memory_clock = 1333000;
    info.cu_active_number = 7;
    info.cu_ao_mask = 0xfe;
    info.cu_bitmap[0][0] = 0xfe;
    info.cu_ao_bitmap[0][0] = 0xfe;
    info.num_cu_per_sh = 8;
    info.enabled_rb_pipes_mask = 0x3;
    info.num_rb_pipes = 2;
    // amdgpu_gmc_tmz_set(): encrypted memory is on by default for GC 9.3.0.
    info.ids_flags = AMDGPU_IDS_FLAGS_FUSION | AMDGPU_IDS_FLAGS_TMZ;
    info.vram_type = 11;  // LPDDR4
    info.vram_bit_width = 128;
    info.num_tcc_blocks = 4;
    info.gl2c_cache_size = 1024;
    return info;
}

constexpr DeviceInfo vega10_device() {
    DeviceInfo info = gfx9_device();
    info.device_id = 0x687f;
    info.chip_rev = 1;
    info.external_rev = 0x02;
    info.pci_rev = 0xc1;
    info.family = AMDGPU_FAMILY_AI;
    info.num_shader_engines = 4;
    info.num_shader_arrays_per_engine = 1;
    info.max_engine_clock = 1630000;
    info.max_memory_clock = 945000;
    info.cu_active_number = 64;
    info.cu_ao_mask = 0xffffffff;
    for (auto& engine : info.cu_bitmap) engine[0] = 0xffff;
    for (auto& engine : info.cu_ao_bitmap) engine[0] = 0xffff;
    info.num_cu_per_sh = 16;
    info.enabled_rb_pipes_mask = 0xffff;
    info.num_rb_pipes = 16;
    info.vram_type = AMDGPU_VRAM_TYPE_HBM;
    info.vram_bit_width = 2048;
    info.num_tcc_blocks = 16;
    info.gl2c_cache_size = 4096;
    return info;
}

constexpr std::array kModels = {
    ModelInfo{"renoir", "Viaduct simulated Renoir",
              PciIdentity{kVendorAmd, 0x15e7, kVendorAmd, 0x15e7, 0xe9}, renoir_device(),
              512 * kMiB, 512 * kMiB, 4096 * kMiB, 256, gfx9_gds(), kRenoirIps, kRenoirRings,
              kRenoirFirmware, kRenoirDecoders, kEncoders, kRenoirRegisters, true},
    ModelInfo{"vega10", "Viaduct simulated Vega 10",
              PciIdentity{kVendorAmd, 0x687f, kVendorAmd, 0x0b36, 0xc1}, vega10_device(),
              8192 * kMiB, 256 * kMiB, 8192 * kMiB, 128, gfx9_gds(), kVega10Ips, kVega10Rings,
              kVega10Firmware, kVega10Decoders, kEncoders, kVega10Registers, false, true},
};

}  // namespace

const IpBlock* ModelInfo::find_ip(uint32_t type) const {
    const auto found = std::ranges::find(ips, type, &IpBlock::type);
    return found == ips.end() ? nullptr : &*found;
}

uint32_t ModelInfo::gb_addr_config() const {
    const auto found = std::ranges::find(registers, kGbAddrConfig, &RegisterValue::dword_offset);
    return found == registers.end() ? 0 : found->value;
}

int ModelInfo::ring_index(uint32_t ip_type, uint32_t ring) const {
    uint32_t first = 0;
    for (const IpBlock& ip : ips) {
        if (ip.type == ip_type) return ring < ip.ring_count ? static_cast<int>(first + ring) : -1;
        first += ip.ring_count;
    }
    return -1;
}

int ModelInfo::ring_count() const {
    uint32_t count = 0;
    for (const IpBlock& ip : ips) count += ip.ring_count;
    return static_cast<int>(count);
}

viaduct::Result<uint64_t> visible_vram(const ModelInfo& model) {
    const char* text = std::getenv("VIADUCT_SIMGPU_VISIBLE_VRAM");
    if (!text) return model.visible_vram_size;
    constexpr std::string_view kUnits = "KMG";
    std::string_view number = text;
    unsigned shift = 0;
    if (const size_t unit = number.empty() ? number.npos : kUnits.find(number.back());
        unit != number.npos) {
        shift = 10 * (static_cast<unsigned>(unit) + 1);
        number.remove_suffix(1);
    }
    uint64_t value = 0;
    const char* end = number.data() + number.size();
    const auto parsed = std::from_chars(number.data(), end, value);
    const bool valid =
        parsed.ec == std::errc() && parsed.ptr == end && value <= UINT64_MAX >> shift;
    if (!valid || value << shift < kMiB)
        return viaduct::fail(EINVAL, "'{}' is not a size of 1M or more, such as 256M", text);
    return std::min(value << shift, model.vram_size);
}

uint32_t max_ibs(uint32_t ip_type) {
    switch (ip_type) {
        case AMDGPU_HW_IP_GFX:
            return 192;
        case AMDGPU_HW_IP_COMPUTE:
            return 125;
        case AMDGPU_HW_IP_VCN_JPEG:
            return 16;
        default:
            return 49;
    }
}

std::span<const ModelInfo> models() {
    return kModels;
}

const ModelInfo* find_model(std::string_view name) {
    const auto found = std::ranges::find(kModels, name, &ModelInfo::name);
    return found == kModels.end() ? nullptr : &*found;
}

}  // namespace simgpu::amdgpu
