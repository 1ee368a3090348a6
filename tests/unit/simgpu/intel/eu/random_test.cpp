// Kernels of random bits: each ends with an outcome and a report. Builds with sanitizers see what
// else they touch.
#include <array>
#include <map>
#include <random>

#include "tests/unit/simgpu/intel/eu/eu_test.h"
#include "tests/unit/simgpu/intel/eu/random_instructions.h"

namespace simgpu::intel::eu {

namespace {

constexpr unsigned kRandomInstructions = RandomInstructions::kFarthestJump, kKernels = 1000;

class RandomKernelTest : public EuTest, public testing::WithParamInterface<const char*> {
  protected:
    RandomKernelTest() {
        memory_.map(kKernel, (kRandomInstructions + 1) * sizeof(Words));
        for (const auto span : {&bases_.general, &bases_.surface, &bases_.dynamic,
                                &bases_.bindless_surface, &bases_.bindless_sampler})
            *span = kData;
        bases_.general_bytes = kDataSize;
    }

    uint32_t number(uint32_t below) { return static_cast<uint32_t>(random_() % below); }
    /// True once in `times`.
    bool once(uint32_t times) { return number(times) == 0; }

    JobOutcome run_kernel(const ChipInfo& chip);
    void put_surfaces();

    std::mt19937_64 random_{1};
    RandomInstructions instructions_{[this] { return random_(); }};
};

/// A binding table, and random surface states of formats that exist.
void RandomKernelTest::put_surfaces() {
    constexpr uint64_t kTableBytes = 1024, kStateBytes = 64, kStates = 64;
    // R32G32B32A32_FLOAT, R16G16_UNORM, R32_UINT, R16_FLOAT, B5G6R5_UNORM, R8_SINT, RAW.
    constexpr uint32_t kFormats[] = {0x000, 0x0cc, 0x0d7, 0x10e, 0x100, 0x142, 0x1ff};
    for (uint64_t at = 0; at < kTableBytes; at += 4)
        memory_.put(kData + at, static_cast<uint32_t>(kTableBytes + kStateBytes * number(kStates)));
    for (uint64_t at = kTableBytes; at < kTableBytes + kStateBytes * kStates; at += 4)
        memory_.put(kData + at, static_cast<uint32_t>(random_()));
    for (uint64_t i = 0; i < kStates; i++) {
        const uint64_t state = kData + kTableBytes + kStateBytes * i;
        const uint32_t tiling = once(2) ? 0 : number(4);
        memory_.put(state, number(8) << 29 | kFormats[number(std::size(kFormats))] << 18 |
                               number(16) << 14 | tiling << 12);
        if (!once(4)) memory_.put(state + 8, number(64) << 16 | number(64));
        if (!once(4)) memory_.put(state + 16, 0u);
        memory_.put(state + 32, uint64_t{kData + 4 * number(kDataSize / 4)});
    }
}

JobOutcome RandomKernelTest::run_kernel(const ChipInfo& chip) {
    for (unsigned i = 0; i < kRandomInstructions; i++)
        memory_.put(kKernel + i * sizeof(Words), instructions_.next());
    memory_.put(kKernel + kRandomInstructions * sizeof(Words), end_of_thread());
    Walker walker;
    walker.kernel_va = kKernel;
    walker.simd = 8u << number(3);
    walker.slm_bytes = 1024 * number(3);
    walker.end = {1, 1, 1};
    walker.cross_thread_registers = 64;
    walker.constants.resize(2048);
    // Bytes that are small offsets, coordinates and descriptors too.
    for (std::byte& byte : walker.constants) byte = static_cast<std::byte>(once(2) ? random_() : 0);
    JobEnvironment environment{memory_, stop_, deadline_ns_};
    return run_walker(walker, bases_, chip, environment, counters_);
}

TEST_P(RandomKernelTest, EndsWithAnOutcome) {
    const ChipInfo& chip = *find_chip_info(GetParam());
    std::map<JobOutcome::Kind, unsigned> met;
    for (unsigned i = 0; i < kKernels; i++) {
        if (i % 64 == 0) put_surfaces();
        const JobOutcome outcome = run_kernel(chip);
        met[outcome.kind]++;
        EXPECT_TRUE(outcome.done() || !outcome.report.empty()) << i;
    }
    // Else they would all end at their first instruction.
    EXPECT_GT(counters_.lane_instructions, 2 * kKernels);
    EXPECT_GT(met[JobOutcome::Kind::kDone], 0u);
    EXPECT_GT(met[JobOutcome::Kind::kFault], 0u);
    EXPECT_GT(met[JobOutcome::Kind::kBadShader], 0u);
}

INSTANTIATE_TEST_SUITE_P(Eu, RandomKernelTest, testing::Values("tgl", "mtl", "lnl"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace

}  // namespace simgpu::intel::eu
