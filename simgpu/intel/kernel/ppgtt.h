// The addresses of Intel's GPUs: per-process page tables of four levels, 48 bits.
#pragma once

#include <cstdint>

#include "simgpu/memory/address_space.h"

namespace simgpu::intel {

inline constexpr uint64_t kPpgttSize = 1ull << 48;

inline constexpr memory::AddressLayout kPpgttLayout{
    .lowest = 0,
    .highest = kPpgttSize,
    .mask = kPpgttSize - 1,
};

/// Bit 47 in all bits above it, as addresses have to be given (Linux: gen8_canonical_addr()).
constexpr uint64_t canonical(uint64_t va) {
    constexpr unsigned kUnusedBits = 16;
    return static_cast<uint64_t>(static_cast<int64_t>(va << kUnusedBits) >> kUnusedBits);
}
/// The 48 bits that count (Linux: gen8_noncanonical_addr()).
constexpr uint64_t without_sign(uint64_t va) {
    return va & kPpgttLayout.mask;
}

}  // namespace simgpu::intel
