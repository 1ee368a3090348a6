#include "simgpu/amd/gfx9/exec/shader_listing.h"

#include <fmt/format.h>

#include <algorithm>

#include "simgpu/amd/gfx9/decode/disassembly.h"
#include "simgpu/amd/gfx9/decode/program.h"

namespace simgpu::gfx9 {

namespace {

constexpr unsigned kMostInstructions = 4096;

// SOPP opcodes (Vega ISA, "SOPP instructions").
constexpr uint16_t kEndProgram = 1, kBranch = 2, kFirstConditional = 4, kLastConditional = 9;

/// Where a branch leads; else 0.
uint64_t target_of(const Instruction& in, uint64_t pc) {
    const bool branches =
        in.opcode == kBranch || (in.opcode >= kFirstConditional && in.opcode <= kLastConditional);
    if (in.encoding != Encoding::kSopp || !branches) return 0;
    return pc + 4 + static_cast<uint64_t>(int64_t{in.imm} * 4);
}

}  // namespace

ShaderListing list_shader(GpuMemory& memory, uint64_t va) {
    constexpr uint64_t kFnvBasis = 0xcbf29ce484222325, kFnvPrime = 0x100000001b3;
    ShaderMemory shader_memory(memory);
    Program program(shader_memory, kVgprs);
    ShaderListing listing;
    listing.hash = kFnvBasis;
    uint64_t reached = va;
    for (uint64_t pc = va; listing.lines.size() < kMostInstructions;) {
        const Instruction* in = program.at(pc);
        if (!in) {
            listing.lines.push_back(fmt::format("{:#x}: not mapped", pc));
            break;
        }
        std::string words = fmt::format("{:08x}", in->words[0]);
        if (in->size > 4) words += fmt::format(" {:08x}", in->words[1]);
        std::string text = disassemble(*in);
        const uint64_t target = target_of(*in, pc);
        if (target) text += fmt::format(" -> {:#x}", target);
        listing.lines.push_back(fmt::format("{:#x}: {:<17}  {}", pc, words, text));
        for (const uint32_t word : in->words) listing.hash = (listing.hash ^ word) * kFnvPrime;
        reached = std::max(reached, target);
        if (in->encoding == Encoding::kSopp && in->opcode == kEndProgram && pc >= reached) break;
        pc += in->size;
    }
    return listing;
}

}  // namespace simgpu::gfx9
