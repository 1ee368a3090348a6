// A shader's code, decoded as it is reached and kept for the length of a dispatch.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "simgpu/amd/gfx9/memory/shader_memory.h"
#include "simgpu/amd/gfx9/wave/instruction.h"

namespace simgpu::gfx9 {

class Program {
  public:
    Program(ShaderMemory& memory, unsigned vgpr_count) : memory_(memory), vgpr_count_(vgpr_count) {}

    /// The instruction at `pc` (a multiple of 4), or null if its memory faults. The pointer is
    /// good until the next call.
    const Instruction* at(uint64_t pc) {
        const uint64_t page = pc / kPageBytes;
        if (page != current_number_ && !enter_page(page)) return nullptr;
        Instruction& slot = current_->slots[pc % kPageBytes / 4];
        if (!slot.handler && !decode_at(pc, slot)) return nullptr;
        return &slot;
    }

  private:
    static constexpr uint64_t kPageBytes = 256;
    /// A hostile shader can be endless; decoded code is forgotten past 4 MiB of it.
    static constexpr size_t kMaxPages = 256;

    struct Page {
        std::array<Instruction, kPageBytes / 4> slots;
    };

    bool enter_page(uint64_t number);
    bool decode_at(uint64_t pc, Instruction& slot);

    ShaderMemory& memory_;
    unsigned vgpr_count_;
    std::unordered_map<uint64_t, std::unique_ptr<Page>> pages_;
    Page* current_ = nullptr;
    uint64_t current_number_ = ~uint64_t{0};
};

}  // namespace simgpu::gfx9
