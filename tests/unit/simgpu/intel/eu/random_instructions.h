// Random EU instructions that get past decoding often enough to be executed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <utility>
#include <vector>

#include "simgpu/intel/eu/alu/alu.h"
#include "simgpu/intel/eu/exec/flow.h"
#include "simgpu/intel/eu/isa/opcodes.h"
#include "simgpu/intel/eu/isa/types.h"
#include "simgpu/intel/eu/isa/words.h"

namespace simgpu::intel::eu {

class RandomInstructions {
  public:
    /// `random`: 64 random bits a call.
    explicit RandomInstructions(std::function<uint64_t()> random) : random_(std::move(random)) {
        for (uint8_t opcode = 0; opcode < 128; opcode++)
            if (find_alu_op(opcode)) opcodes_.push_back(opcode);
        for (const FlowOp& op : flow_ops()) opcodes_.push_back(op.opcode);
        // As often as all others together.
        opcodes_.resize(2 * opcodes_.size(), opcode::kSend);
    }

    Words next() {
        const uint8_t opcode = opcodes_[number(static_cast<uint32_t>(opcodes_.size()))];
        const bool jumps =
            std::ranges::find(flow_ops(), opcode, &FlowOp::opcode) != flow_ops().end();
        Words words{random_(), random_()};
        words.set(7, 0, opcode);
        words.set(29, 29, 0);
        if (jumps) {
            tame_jump(words);
        } else if (opcode == opcode::kSend) {
            tame_message(words);
        } else if (once(8)) {  // two compacted ones
            words.high = (random_() & ~uint64_t{0xff}) | opcode;
            for (uint64_t* half : {&words.low, &words.high}) *half |= uint64_t{1} << 29;
        } else {
            tame_operands(words);
        }
        return words;
    }

    /// Most instructions that a jump passes over.
    static constexpr unsigned kFarthestJump = 8;

  private:
    uint32_t number(uint32_t below) { return static_cast<uint32_t>(random_() % below); }
    /// True once in `times`.
    bool once(uint32_t times) { return number(times) == 0; }

    /// Of a type that exists, most often the same for all operands; and of few registers that do
    /// not exist.
    void tame_operands(Words& words) {
        constexpr Type kTypes[] = {Type::kUB, Type::kUW, Type::kUD, Type::kUQ,
                                   Type::kB,  Type::kW,  Type::kD,  Type::kQ,
                                   Type::kHF, Type::kF,  Type::kDF, Type::kVF};
        const auto type = static_cast<unsigned>(kTypes[number(std::size(kTypes))]);
        for (const unsigned low : {36u, 40u, 88u})
            if (!once(8)) words.set(low + 3, low, type);
        for (const unsigned top : {63u, 79u, 111u, 127u})
            if (!once(8)) words.set(top, top, 0);
        for (const unsigned bit : {35u, 80u, 112u})  // indirect
            if (!once(4)) words.set(bit, bit, 0);
        if (once(2)) words.set(21, 19, 0);  // first channel
    }

    /// To shared functions that exist, with payloads that registers can hold.
    void tame_message(Words& words) {
        constexpr uint8_t kFunctions[] = {2, 3, 9, 10, 12, 13, 14, 15};
        words.set(95, 92, kFunctions[number(std::size(kFunctions))]);
        words.set(49, 48, once(8) ? number(4) : 0);  // descriptors in registers
        words.set(71, 67, number(6) << 1 | number(2));
        words.set(103, 99, number(8));
        constexpr unsigned kSharedLocalMemory = 254, kStateless = 255;
        const unsigned indices[] = {number(16), kSharedLocalMemory, kStateless, number(256)};
        words.set(88, 81, indices[number(4)]);
        for (const unsigned top : {62u, 63u, 79u, 111u})
            if (!once(16)) words.set(top, top, 0);
        words.set(21, 19, 0);
    }

    /// Nothing jumps backwards, so that all kernels end.
    void tame_jump(Words& words) {
        words.set(127, 96, 16 * (1 + number(kFarthestJump)));
        if (once(2)) words.set(95, 64, 16 * number(kFarthestJump));
        if (once(2)) words.set(21, 19, 0);
    }

    const std::function<uint64_t()> random_;
    std::vector<uint8_t> opcodes_;
};

}  // namespace simgpu::intel::eu
