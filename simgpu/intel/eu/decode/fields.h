// The parts that decode.cpp joins: where fields lie, and how operands are read.
#pragma once

#include "simgpu/intel/chip_info.h"
#include "simgpu/intel/eu/isa/instruction.h"
#include "simgpu/intel/eu/isa/words.h"

namespace simgpu::intel::eu {

struct Bits {
    uint8_t top;
    uint8_t bottom;
};

/// Fields that moved between generations. Xe2's registers have 64 bytes: numbers of bytes within
/// one have their lowest bit elsewhere, or none.
struct FieldLayout {
    Bits execution_size;
    Bits quarter;
    bool has_nibble;  // bit 19
    Bits flag_register;
    uint8_t flag_subregister;
    Bits predicate;
    bool has_accumulator_write;  // bit 33
    Bits vertical_stride0;
    Bits vertical_stride1;
    uint8_t vertical_one_dimensional;  // the value for row addresses
    uint8_t byte_shift;                // of subregister numbers and address offsets
    uint8_t low_bit_dst;               // 0: none
    uint8_t low_bit_src0;
    uint16_t grf_bytes;
    bool has_64_bit_types;
    bool has_boolean_functions;  // BFN
};
const FieldLayout& field_layout(Generation generation);

/// Leaves a sentence in `problem`, unless there is one already.
inline void complain(Instruction& in, std::string problem) {
    if (in.problem.empty()) in.problem = std::move(problem);
}

/// Decoded operands of one- and two-source instructions. They leave a sentence in `problem` if an
/// operand is not one.
void decode_destination(const Words& words, const FieldLayout& layout, Instruction& in);
void decode_source0(const Words& words, const FieldLayout& layout, Instruction& in);
void decode_source1(const Words& words, const FieldLayout& layout, Instruction& in);
/// All four of a three-source instruction.
void decode_three_sources(const Words& words, const FieldLayout& layout, Instruction& in);

}  // namespace simgpu::intel::eu
