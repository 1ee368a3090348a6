// Compacted instructions: 64 bits that stand for common 128-bit ones.
#pragma once

#include "simgpu/intel/chip_info.h"
#include "simgpu/intel/eu/isa/words.h"

namespace simgpu::intel::eu {

/// "CmptCtrl": the instruction has 8 bytes.
constexpr bool is_compacted(uint64_t first_half) {
    return first_half >> 29 & 1;
}

/// The 128-bit instruction that `compact` stands for.
Words expand(uint64_t compact, Generation generation);

}  // namespace simgpu::intel::eu
