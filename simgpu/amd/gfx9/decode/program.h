// A shader's code, decoded as it is reached.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "simgpu/amd/gfx9/memory/shader_memory.h"
#include "simgpu/amd/gfx9/wave/instruction.h"

namespace simgpu::gfx9 {

/// Code that one program decoded is kept for later ones of the same thread, which use it if memory
/// still has the same words when they first come there. Within a program's life decoded code stays
/// as it is.
class Program {
  public:
    Program(ShaderMemory& memory, unsigned vgpr_count) : memory_(memory), vgpr_count_(vgpr_count) {}

    /// The instruction at `pc` (a multiple of 4), or null if its memory faults. The pointer is
    /// good until the next call.
    const Instruction* at(uint64_t pc) {
        const uint64_t page = pc / kPageBytes;
        if (page != current_number_) enter_page(page);
        Instruction& slot = current_->slots[pc % kPageBytes / 4];
        if (!slot.handler && !decode_at(pc, slot)) return nullptr;
        return &slot;
    }

  private:
    static constexpr uint64_t kPageBytes = 256;

    struct Page {
        std::array<Instruction, kPageBytes / 4> slots;
        uint64_t checked_by = 0;  // the program that has compared its words last
    };
    struct Store;

    static Store& store();
    void enter_page(uint64_t number);
    void check(Page& page, uint64_t number);
    bool decode_at(uint64_t pc, Instruction& slot);
    bool holds(uint64_t va, uint32_t word);

    ShaderMemory& memory_;
    unsigned vgpr_count_;
    uint64_t serial_ = 0;  // of this program on its thread, once it runs
    std::shared_ptr<Page> current_;
    uint64_t current_number_ = ~uint64_t{0};
};

}  // namespace simgpu::gfx9
