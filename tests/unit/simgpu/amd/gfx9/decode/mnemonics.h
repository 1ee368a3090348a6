// Every instruction that the interpreter claims to know, with LLVM's encoding of one use of it.
#pragma once

#include <cstdint>

namespace simgpu::gfx9::test {

struct Mnemonic {
    const char* text;
    struct {
        uint32_t first;
        uint64_t second = kNone;  // a word, or kNone
    } words;

    static constexpr uint64_t kNone = ~uint64_t{0};
    constexpr unsigned bytes() const { return words.second == kNone ? 4 : 8; }
};

inline constexpr Mnemonic kMnemonics[] = {
#include "tests/unit/simgpu/amd/gfx9/decode/mnemonics_memory.inc"
#include "tests/unit/simgpu/amd/gfx9/decode/mnemonics_scalar.inc"
#include "tests/unit/simgpu/amd/gfx9/decode/mnemonics_vector.inc"
};

}  // namespace simgpu::gfx9::test
