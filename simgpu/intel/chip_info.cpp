#include "simgpu/intel/chip_info.h"

#include <algorithm>

#include "simgpu/clock.h"

namespace simgpu::intel {

namespace {

constexpr uint16_t kVendorIntel = 0x8086;
constexpr uint32_t kTimestampHz = 19'200'000;  // all of them: a 38.4 MHz crystal, halved
constexpr uint64_t kNsPerSecond = 1'000'000'000;

constexpr EngineClass kWithVideo[] = {EngineClass::kRender, EngineClass::kCopy, EngineClass::kVideo,
                                      EngineClass::kVideo, EngineClass::kVideoEnhance};
constexpr EngineClass kWithCompute[] = {EngineClass::kRender, EngineClass::kCopy,
                                        EngineClass::kCompute};

// PCI ids, revisions and IP versions: Linux include/drm/intel/pciids.h, i915_pci.c and xe_pci.c.
// Topologies: Mesa's intel_device_info.c, full parts.
constexpr ChipInfo kChips[] = {
    {.name = "tgl",
     .marketing_name = "Intel Xe Graphics (Tiger Lake GT2)",
     .generation = Generation::kGen12,
     .pci = {kVendorIntel, 0x9a49, kVendorIntel, 0x2212, 0x01},
     .graphics = {12, 0, 2},
     .media = {12, 0, 2},
     .topology = {.slices = 1,
                  .subslices_per_slice = 6,
                  .eus_per_subslice = 16,
                  .threads_per_eu = 7,
                  .l3_banks = 8},
     .timestamp_hz = kTimestampHz,
     .engines = kWithVideo},
    {.name = "mtl",
     .marketing_name = "Intel Graphics (Meteor Lake)",
     .generation = Generation::kGen12_5,
     .pci = {kVendorIntel, 0x7d45, kVendorIntel, 0x2212, 0x08},
     .graphics = {12, 70, 4},
     .media = {13, 0, 4},
     .topology = {.slices = 1,
                  .subslices_per_slice = 4,
                  .eus_per_subslice = 16,
                  .threads_per_eu = 8,
                  .l3_banks = 8},
     .timestamp_hz = kTimestampHz,
     .slm_bytes = 128 << 10,
     .engines = kWithCompute},
    {.name = "lnl",
     .marketing_name = "Intel Arc Graphics (Lunar Lake)",
     .generation = Generation::kXe2,
     .pci = {kVendorIntel, 0x64a0, kVendorIntel, 0x2212, 0x04},
     .graphics = {20, 4, 4},
     .media = {20, 0, 4},
     .topology = {.slices = 2,
                  .subslices_per_slice = 4,
                  .eus_per_subslice = 8,
                  .threads_per_eu = 8,
                  .l3_banks = 8},
     .timestamp_hz = kTimestampHz,
     .timestamp_bits = 64,
     .grf_bytes = 64,
     .slm_bytes = 128 << 10,
     .engines = kWithCompute},
    {.name = "bmg",
     .marketing_name = "Intel Arc B580 Graphics (Battlemage)",
     .generation = Generation::kXe2,
     .pci = {kVendorIntel, 0xe20b, kVendorIntel, 0x1100, 0x00},
     .graphics = {20, 1, 4},
     .media = {13, 1, 4},
     .topology = {.slices = 5,
                  .subslices_per_slice = 4,
                  .eus_per_subslice = 8,
                  .threads_per_eu = 8,
                  .l3_banks = 24},
     .timestamp_hz = kTimestampHz,
     .timestamp_bits = 64,
     .vram_bytes = 12ull << 30,
     .grf_bytes = 64,
     .slm_bytes = 128 << 10,
     .engines = kWithCompute},
};

}  // namespace

std::span<const ChipInfo> chip_infos() {
    return kChips;
}

const ChipInfo* find_chip_info(std::string_view name) {
    const auto found = std::ranges::find(kChips, name, &ChipInfo::name);
    return found == std::end(kChips) ? nullptr : &*found;
}

uint64_t timestamp_now(const ChipInfo& chip) {
    const uint64_t ns = monotonic_ns();
    // In two steps, as the product of both would overflow within 16 minutes.
    const uint64_t ticks = ns / kNsPerSecond * chip.timestamp_hz +
                           ns % kNsPerSecond * chip.timestamp_hz / kNsPerSecond;
    return ticks & ~uint64_t{0} >> (64 - chip.timestamp_bits);
}

}  // namespace simgpu::intel
