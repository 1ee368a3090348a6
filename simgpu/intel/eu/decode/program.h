// A kernel's code, decoded as it is reached and kept for the length of a walker.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "simgpu/intel/chip_info.h"
#include "simgpu/intel/eu/isa/instruction.h"
#include "simgpu/intel/eu/memory/eu_memory.h"

namespace simgpu::intel::eu {

class Program {
  public:
    /// `start`: address of the kernel's first instruction, from which `ip` counts.
    Program(EuMemory& memory, uint64_t start, Generation generation)
        : memory_(memory), start_(start), generation_(generation) {}

    /// The instruction at `ip`, or null if its memory faults. The pointer is good until the next
    /// call. Instructions start at multiples of 8 bytes.
    const Instruction* at(uint32_t ip) {
        const uint32_t page = ip / kPageBytes;
        if (!current_ || page != current_number_) enter_page(page);
        std::unique_ptr<Instruction>& slot = current_->slots[ip % kPageBytes / 8];
        if (!slot && !decode_at(ip, slot)) return nullptr;
        return slot.get();
    }
    uint64_t address_of(uint32_t ip) const { return start_ + ip; }

  private:
    static constexpr uint32_t kPageBytes = 512;
    /// A hostile kernel can be endless; decoded code is forgotten past 64 KiB of it.
    static constexpr size_t kMaxPages = 128;

    struct Page {
        std::array<std::unique_ptr<Instruction>, kPageBytes / 8> slots;
    };

    void enter_page(uint32_t number);
    bool decode_at(uint32_t ip, std::unique_ptr<Instruction>& slot);

    EuMemory& memory_;
    const uint64_t start_;
    const Generation generation_;
    std::unordered_map<uint32_t, std::unique_ptr<Page>> pages_;
    Page* current_ = nullptr;
    uint32_t current_number_ = 0;
};

}  // namespace simgpu::intel::eu
