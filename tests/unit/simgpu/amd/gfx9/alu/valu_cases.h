// Table tests of vector instructions: sources in v[2:3], v[4:5], v[6:7], result in v[8:9].
#pragma once

#include <gtest/gtest.h>

#include <ostream>

#include "simgpu/amd/gfx9/alu/valu.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {

struct ValuCase {
    Line line;
    uint64_t a, b, c;
    uint64_t expected;
};

inline void PrintTo(const ValuCase& c, std::ostream* out) {
    *out << c.line.text << std::hex << " of " << c.a << ", " << c.b << ", " << c.c;
}

/// The earlier value of v[8:9], and the half of it that a 16-bit result leaves.
inline constexpr uint64_t kOldResult = 0xcafef00ddeadbeef;
inline constexpr uint32_t kOldLow16 = 0xdead0000;
inline constexpr uint32_t kOldHigh16 = 0xbeef;

inline constexpr uint64_t kSomeLanes = 0x8000'0001'0f0f'3335;

inline void check_valu_case(const ValuCase& c) {
    for (const uint64_t exec : {~uint64_t{0}, kSomeLanes}) {
        WaveBench bench;
        bench.fill64(2, c.a);
        bench.fill64(4, c.b);
        bench.fill64(6, c.c);
        bench.fill64(8, kOldResult);
        bench.wave->set_exec(exec);
        bench.run(c.line);
        ASSERT_EQ(bench.wave->status, Wave::Status::kRunning);
        ASSERT_EQ(bench.decoded_size, c.line.words.size() * 4);
        const uint32_t two[2] = {c.line.words[0], c.line.words.size() > 1 ? c.line.words[1] : 0};
        const Instruction in = decode(two, 256);
        const bool wide = in.valu && is_wide(in.valu->dst);
        const uint64_t expected =
            wide ? c.expected : (c.expected & 0xffffffff) | (kOldResult & 0xffffffff00000000);
        for (unsigned lane = 0; lane < kLanes; lane++)
            ASSERT_EQ(bench.lane64(8, lane), exec >> lane & 1 ? expected : kOldResult)
                << "lane " << lane << std::hex << " got " << bench.lane64(8, lane);
    }
}

}  // namespace simgpu::gfx9::test
