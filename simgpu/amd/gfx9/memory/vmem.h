// Vector memory accesses, whatever way their addresses were made: MUBUF, FLAT, GLOBAL, SCRATCH.
#pragma once

#include <cstdint>
#include <span>

#include "simgpu/amd/gfx9/memory/shader_memory.h"
#include "simgpu/amd/gfx9/wave/wave.h"

namespace simgpu::gfx9 {

/// One instruction's addresses, after range checks.
struct VmemRequest {
    LaneAddresses addresses;
    uint64_t active = 0;        // lanes that take part
    uint64_t in_range[4] = {};  // of those: whose dword i is within bounds. The rest read 0
    uint64_t dword_stride = 4;  // distance of a lane's dwords: larger in swizzled memory
};

using VmemAccess = void (*)(Wave& wave, const Instruction& in, const VmemRequest& request);

/// A row of the memory instruction table. MUBUF and FLAT number these instructions alike.
struct VmemOp {
    uint16_t opcode = 0;
    const char* name = nullptr;
    VmemAccess access = nullptr;
    uint8_t dwords = 1;  // registers of the result or the data
    uint8_t bytes = 4;   // accessed per lane
    enum class Kind : uint8_t { kLoad, kStore, kAtomic, kCompareSwap } kind = Kind::kLoad;
};

std::span<const VmemOp> vmem_ops();
std::span<const VmemOp> vmem_atomic_ops();

/// The value that an atomic writes in place of `old`. `compare` is for compare-and-swap only.
template <class T>
using AtomicFunction = T (*)(T old, T data, T compare);
inline constexpr unsigned kAtomicFunctions = 13;
/// In opcode order: swap, cmpswap, add, sub, smin, umin, smax, umax, and, or, xor, inc, dec.
extern const AtomicFunction<uint32_t> kAtomics32[kAtomicFunctions];
extern const AtomicFunction<uint64_t> kAtomics64[kAtomicFunctions];

void execute_flat(Wave& wave, const Instruction& in);
void execute_global(Wave& wave, const Instruction& in);
void execute_scratch(Wave& wave, const Instruction& in);
void execute_mubuf(Wave& wave, const Instruction& in);
void execute_mubuf_format(Wave& wave, const Instruction& in);
void execute_mtbuf(Wave& wave, const Instruction& in);

/// LDS and cross-lane instructions.
struct DsOp {
    uint16_t opcode = 0;
    const char* name = nullptr;
    Handler handler = nullptr;
    uint8_t dst = 0;   // registers written
    uint8_t data = 0;  // registers of each data operand
};
std::span<const DsOp> ds_ops();
std::span<const DsOp> ds_atomic_ops();

struct SmemOp {
    uint16_t opcode = 0;
    const char* name = nullptr;
    Handler handler = nullptr;
};
std::span<const SmemOp> smem_ops();

}  // namespace simgpu::gfx9
