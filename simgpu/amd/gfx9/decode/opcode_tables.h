// All instruction tables, indexed by opcode.
#pragma once

#include <array>

#include "simgpu/amd/gfx9/alu/scalar_op.h"
#include "simgpu/amd/gfx9/alu/valu.h"
#include "simgpu/amd/gfx9/memory/vmem.h"

namespace simgpu::gfx9 {

/// Rows by opcode; null where the opcode is not known.
struct OpcodeTables {
    std::array<const ScalarOp*, 256> sop1{};
    std::array<const ScalarOp*, 64> sop2{};
    std::array<const ScalarOp*, 32> sopk{};
    std::array<const ScalarOp*, 128> sopc{};
    std::array<const ScalarOp*, 128> sopp{};
    std::array<const SmemOp*, 256> smem{};
    std::array<const ValuOp*, 256> vop1{};
    std::array<const ValuOp*, 64> vop2{};
    std::array<const ValuOp*, 256> vopc{};
    std::array<const ValuOp*, 1024> vop3{};  // the three above at 0x140, 0x100 and 0
    std::array<const ValuOp*, 128> vop3p{};
    std::array<const VmemOp*, 128> vmem{};
    std::array<const DsOp*, 256> ds{};
};

const OpcodeTables& opcode_tables();

}  // namespace simgpu::gfx9
