// With any bytes as a shader, the interpreter neither crashes nor leaves its bounds. Run
// under the sanitizers, these tests are the check of that.
#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "tests/unit/simgpu/amd/gfx9/decode/mnemonics.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

// Every address is mapped, now and then not contiguously.
class EverywhereMemory final : public GpuMemory {
  public:
    Span resolve(uint64_t va, Access) override {
        const uint64_t offset = va % kSize;
        return {reinterpret_cast<std::byte*>(words_.data()) + offset, kSize - offset};
    }

  private:
    static constexpr uint64_t kSize = 64 << 10;
    std::vector<uint64_t> words_ = std::vector<uint64_t>(kSize / 8, 0);
};

// Known instructions with some of their bits changed, and plain noise.
class RandomCode {
  public:
    explicit RandomCode(uint32_t seed) : random_(seed) {}

    uint32_t number() { return static_cast<uint32_t>(random_()); }

    std::vector<uint32_t> instruction() {
        if (number() % 16 == 0) return {number(), number()};
        const Mnemonic& known = kMnemonics[number() % std::size(kMnemonics)];
        const auto second = static_cast<uint32_t>(known.words.second);
        std::vector<uint32_t> words = {known.words.first, known.bytes() == 8 ? second : number()};
        if (number() % 4) words[0] ^= number() & number() & number() & 0x0000ffff;
        if (number() % 4) words[1] ^= number() & number();
        if (number() % 8 == 0) words[0] = (words[0] & ~0x1ffu) | (249 + number() % 2);
        if (number() % 8 == 0) words[0] |= 0xff;
        return words;
    }
    // Ordinary numbers, limits, and noise.
    uint32_t value() {
        static constexpr uint32_t kLimits[] = {0,          1,          0xffffffff, 0x80000000,
                                               0x7fffffff, 0x7f800000, 0xff800000, 0x7fc00000,
                                               0xffff,     0x8000,     0x7fffff80, 0xfffffffc};
        return number() % 4 ? number() : kLimits[number() % std::size(kLimits)];
    }

  private:
    std::mt19937 random_;
};

TEST(Hostile, SingleInstructionsOnAnyRegisters) {
    RandomCode code(1);
    EverywhereMemory everywhere;
    ShaderMemory memory(everywhere);
    Workgroup group;
    group.lds.assign(kMaxLdsBytes / 4, 0);
    group.lds_bytes = 512;
    memory.set_lds_window(group.lds_data(), group.lds_bytes);
    auto wave = std::make_unique<Wave>();
    FpEnvironment fp;
    for (unsigned round = 0; round < 300; round++) {
        const unsigned vgprs = 4 + 4 * (code.number() % 64);
        wave->reset(vgprs);
        wave->group = &group;
        wave->memory = &memory;
        for (Row& row : wave->v)
            for (uint32_t& lane : row.lane) lane = code.value();
        for (unsigned i = 0; i < 100; i++) {
            for (unsigned s = 0; s < 128; s++) wave->s[s] = code.value();
            wave->scc = code.number() & 1;
            wave->mode_bits = code.number() & 0x3ff;
            const std::vector<uint32_t> words = code.instruction();
            const Instruction in = decode(words.data(), vgprs);
            fp.prepare(in.fp, wave->mode_bits);
            in.handler(*wave, in);
        }
        ASSERT_FALSE(memory.faulted());
    }
}

TEST(Hostile, WholeProgramsEndOneWayOrAnother) {
    for (uint32_t seed = 0; seed < 60; seed++) {
        RandomCode code(seed);
        ShaderBench bench;
        uint64_t va = ShaderBench::kCode;
        while (va < ShaderBench::kCode + 4096)
            for (uint32_t word : code.instruction()) {
                bench.memory.dword(va) = word;
                va += 4;
            }
        bench.dispatch.pgm_rsrc1 = code.number();
        bench.dispatch.pgm_rsrc2 = code.number();
        bench.dispatch.tmpring_size = code.number();
        bench.dispatch.initiator = code.number();
        for (unsigned axis = 0; axis < 3; axis++) {
            bench.dispatch.threads[axis] = code.number() & 0x00070007;
            bench.dispatch.start[axis] = code.number() % 4;
            bench.dispatch.groups[axis] = code.number() % 8;
        }
        for (uint32_t& word : bench.dispatch.user_data) word = code.value();
        // Endless loops are likely; they end here.
        const auto now = std::chrono::steady_clock::now().time_since_epoch();
        bench.deadline_ns = static_cast<uint64_t>((now + std::chrono::milliseconds(10)) /
                                                  std::chrono::nanoseconds(1));
        const JobOutcome outcome = bench.run();
        EXPECT_EQ(outcome.done(), outcome.report.empty());
    }
}

// A grid of 2^96 empty groups is stoppable, and register values at their limits are taken.
TEST(Hostile, EndlessGridsStop) {
    ShaderBench bench;
    bench.load({{"s_endpgm", {0xbf810000}}});
    for (uint32_t& count : bench.dispatch.groups) count = 0xffffffff;
    bench.deadline_ns = 1;
    EXPECT_EQ(bench.run().kind, JobOutcome::Kind::kHang);
    for (uint32_t& count : bench.dispatch.threads) count = 0xffffffff;
    EXPECT_EQ(bench.run().kind, JobOutcome::Kind::kBadShader);
}

// Straight-line code without end: the decoder forgets what it has decoded.
TEST(Hostile, LongProgramsStayBounded) {
    ShaderBench bench;
    constexpr uint64_t kLong = 0x10000000;
    constexpr size_t kBytes = 1 << 20;
    bench.memory.map(kLong, kBytes);
    for (uint64_t offset = 0; offset < kBytes; offset += 4)
        bench.memory.dword(kLong + offset) = 0xbf800000;  // s_nop
    bench.memory.dword(kLong + kBytes - 4) = 0xbf810000;  // s_endpgm
    bench.dispatch.program_va = kLong;
    EXPECT_TRUE(bench.run().done());
    EXPECT_EQ(bench.counters.lane_instructions, kBytes / 4);
}

}  // namespace
}  // namespace simgpu::gfx9::test
