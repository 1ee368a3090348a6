// ChipInfo: an Intel GPU as data, for its kernel drivers and for its execution model.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "simgpu/chip.h"

namespace simgpu::intel {

/// Generations differ in encodings, messages and walkers. Ordered; the values are
/// Mesa's "verx10", so that the names of its files and the manuals' volumes can be found.
enum class Generation : uint16_t {
    kGen12 = 120,    // Tiger Lake: HDC messages, GPGPU_WALKER
    kGen12_5 = 125,  // Meteor Lake: LSC messages, COMPUTE_WALKER
    kXe2 = 200,      // Lunar Lake, Battlemage: registers of 64 bytes
};

/// Kinds of engines, as both kernel drivers have them; the order is i915's.
enum class EngineClass : uint8_t { kRender, kCopy, kVideo, kVideoEnhance, kCompute };

/// The parts that compute, as fused. "Dual subslice" (Gen12) and "Xe core" are the same unit.
struct Topology {
    uint8_t slices = 1;
    uint8_t subslices_per_slice = 0;
    uint8_t eus_per_subslice = 0;
    uint8_t threads_per_eu = 0;
    uint8_t l3_banks = 0;

    constexpr uint32_t subslices() const { return uint32_t{slices} * subslices_per_slice; }
    constexpr uint32_t eus() const { return subslices() * eus_per_subslice; }
    constexpr uint32_t threads() const { return eus() * threads_per_eu; }
};

/// GMD_ID as the kernel reports it: "IP version".
struct IpVersion {
    uint8_t major = 0;
    uint8_t minor = 0;
    uint8_t stepping = 0;
};

struct ChipInfo {
    std::string_view name;  // "tgl"
    const char* marketing_name = nullptr;
    Generation generation = Generation::kGen12;
    PciIdentity pci;
    IpVersion graphics;
    IpVersion media;
    Topology topology;
    uint32_t timestamp_hz = 0;      // of CS_TIMESTAMP and of the timestamps in memory
    uint32_t timestamp_bits = 36;   // the counter wraps there
    uint64_t vram_bytes = 0;        // 0: the GPU has the system's memory only
    uint32_t grf_bytes = 32;        // size of an EU register
    uint32_t slm_bytes = 64 << 10;  // shared local memory that one workgroup can have
    /// In the order of i915's query. Those for video are there on Tiger Lake only; they move data.
    std::span<const EngineClass> engines;

    bool has_lsc() const { return generation >= Generation::kGen12_5; }
};

/// All chips, Tiger Lake first.
std::span<const ChipInfo> chip_infos();
/// Null if no chip has that name.
const ChipInfo* find_chip_info(std::string_view name);

/// The chip's free-running timestamp now: what REG_READ of 0x2358, an engine query and PIPE_CONTROL
/// see. In ticks of `timestamp_hz`, from CLOCK_MONOTONIC.
uint64_t timestamp_now(const ChipInfo& chip);

}  // namespace simgpu::intel
