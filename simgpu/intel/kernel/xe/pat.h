// The PAT: how the GPU caches what a mapping shows.
#pragma once

#include <cstdint>

#include "simgpu/intel/chip_info.h"

namespace simgpu::intel::xe {

/// The promise of an entry about the CPU's caches (Linux: xe_pat.h, XE_COH_*).
enum class Coherence : uint8_t {
    kReserved,  // no such entry
    kNone,
    kOneWay,  // or two: the GPU sees what the CPU has cached
};

Coherence coherence_of(const ChipInfo& chip, uint16_t pat_index);

}  // namespace simgpu::intel::xe
