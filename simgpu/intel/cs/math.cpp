// MI_MATH: the command streamer's ALU, on its general-purpose registers.
#include <fmt/format.h>

#include "simgpu/intel/cs/command_table.h"

namespace simgpu::intel::cs {

namespace {

// Operands beside the 16 registers (PRM volume 2a, "MI_MATH").
enum : uint32_t {
    kSourceA = 0x20,
    kSourceB = 0x21,
    kAccumulator = 0x31,
    kZero = 0x32,
    kCarry = 0x33
};

class MathUnit {
  public:
    explicit MathUnit(Registers& registers) : registers_(registers) {}

    /// False for an instruction that does not exist.
    bool run(uint32_t instruction, Generation generation);

  private:
    bool load(uint32_t to, uint64_t value);
    bool store(uint32_t to, uint32_t from, bool invert);
    bool read(uint32_t operand, uint64_t* value) const;
    void compute(uint64_t value, bool carry) {
        accumulator_ = value;
        zero_ = value == 0;
        carry_ = carry;
    }

    Registers& registers_;
    uint64_t a_ = 0;
    uint64_t b_ = 0;
    uint64_t accumulator_ = 0;
    bool zero_ = false;
    bool carry_ = false;
};

bool MathUnit::read(uint32_t operand, uint64_t* value) const {
    if (operand < 16)
        *value = registers_.read64(reg::kGeneralPurpose + 8 * operand);
    else if (operand == kAccumulator)
        *value = accumulator_;
    else if (operand == kZero)
        *value = zero_ ? ~uint64_t{0} : 0;
    else if (operand == kCarry)
        *value = carry_ ? ~uint64_t{0} : 0;
    else
        return false;
    return true;
}

bool MathUnit::load(uint32_t to, uint64_t value) {
    if (to != kSourceA && to != kSourceB) return false;
    (to == kSourceA ? a_ : b_) = value;
    return true;
}

bool MathUnit::store(uint32_t to, uint32_t from, bool invert) {
    uint64_t value;
    if (to >= 16 || !read(from, &value)) return false;
    registers_.write64(reg::kGeneralPurpose + 8 * to, invert ? ~value : value);
    return true;
}

bool MathUnit::run(uint32_t instruction, Generation generation) {
    const uint32_t opcode = instruction >> 20;
    const uint32_t operand1 = instruction >> 10 & 0x3ff, operand2 = instruction & 0x3ff;
    uint64_t value = 0;
    switch (opcode) {
        case 0x000:  // NOOP
            return true;
        case 0x080:  // LOAD
        case 0x480:  // LOADINV
            return read(operand2, &value) && load(operand1, opcode == 0x480 ? ~value : value);
        case 0x081:  // LOAD0
        case 0x481:  // LOAD1
            return load(operand1, opcode == 0x481 ? ~uint64_t{0} : 0);
        case 0x100:  // ADD
            compute(a_ + b_, a_ + b_ < a_);
            return true;
        case 0x101:  // SUB
            compute(a_ - b_, a_ < b_);
            return true;
        case 0x102:  // AND
            compute(a_ & b_, false);
            return true;
        case 0x103:  // OR
            compute(a_ | b_, false);
            return true;
        case 0x104:  // XOR
            compute(a_ ^ b_, false);
            return true;
        case 0x180:  // STORE
        case 0x580:  // STOREINV
            return store(operand1, operand2, opcode == 0x580);
        default:
            break;
    }
    if (generation < Generation::kGen12_5) return false;
    switch (opcode) {
        case 0x001:  // FENCE_RD
        case 0x002:  // FENCE_WR
            return true;
        case 0x105:  // SHL
            compute(a_ << (b_ & 63), false);
            return true;
        case 0x106:  // SHR
            compute(a_ >> (b_ & 63), false);
            return true;
        case 0x107:  // SAR
            compute(static_cast<uint64_t>(static_cast<int64_t>(a_) >> (b_ & 63)), false);
            return true;
        default:
            return false;
    }
}

bool math(Machine& machine, const Command& command) {
    MathUnit unit(machine.state.registers);
    for (size_t i = 1; i < command.size(); i++)
        if (!unit.run(command[i], machine.chip.generation))
            return machine.refuse(
                command, fmt::format("ALU instruction {:#010x} is not simulated", command[i]));
    return true;
}

constexpr CommandInfo kMathCommands[] = {{mi(0x1a), "MI_MATH", 2, kAllEngines, math}};

}  // namespace

std::span<const CommandInfo> math_commands() {
    return kMathCommands;
}

}  // namespace simgpu::intel::cs
