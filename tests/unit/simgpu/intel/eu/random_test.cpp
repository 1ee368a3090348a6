// Kernels of random bits: each ends with an outcome and a report. Builds with sanitizers see what
// else they touch.
#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "simgpu/intel/eu/alu/alu.h"
#include "simgpu/intel/eu/exec/flow.h"
#include "simgpu/intel/eu/isa/opcodes.h"
#include "simgpu/intel/eu/messages/send.h"
#include "tests/unit/simgpu/intel/eu/eu_test.h"

namespace simgpu::intel::eu {

namespace {

constexpr unsigned kRandomInstructions = 8, kKernels = 1000;

class RandomKernelTest : public EuTest, public testing::WithParamInterface<const char*> {
  protected:
    RandomKernelTest() {
        memory_.map(kKernel, (kRandomInstructions + 1) * sizeof(Words));
        for (const auto span : {&bases_.general, &bases_.surface, &bases_.dynamic,
                                &bases_.bindless_surface, &bases_.bindless_sampler})
            *span = kData;
        bases_.general_bytes = kDataSize;
        for (uint8_t opcode = 0; opcode < 128; opcode++)
            if (find_alu_op(opcode)) opcodes_.push_back(opcode);
        for (const FlowOp& op : flow_ops()) opcodes_.push_back(op.opcode);
        // As often as all others together.
        opcodes_.resize(2 * opcodes_.size(), opcode::kSend);
    }

    uint32_t number(uint32_t below) { return static_cast<uint32_t>(random_() % below); }
    /// True once in `times`.
    bool once(uint32_t times) { return number(times) == 0; }

    void tame_operands(Words& words);
    void tame_message(Words& words);
    void tame_jump(Words& words);
    Words random_instruction();
    JobOutcome run_kernel(const ChipInfo& chip);
    void put_surfaces();

    std::mt19937_64 random_{1};
    std::vector<uint8_t> opcodes_;
};

/// Of a type that exists, most often the same for all operands; and of few registers that do not
/// exist.
void RandomKernelTest::tame_operands(Words& words) {
    constexpr Type kTypes[] = {Type::kUB, Type::kUW, Type::kUD, Type::kUQ, Type::kB,  Type::kW,
                               Type::kD,  Type::kQ,  Type::kHF, Type::kF,  Type::kDF, Type::kVF};
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
void RandomKernelTest::tame_message(Words& words) {
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
void RandomKernelTest::tame_jump(Words& words) {
    words.set(127, 96, 16 * (1 + number(kRandomInstructions)));
    if (once(2)) words.set(95, 64, 16 * number(kRandomInstructions));
    if (once(2)) words.set(21, 19, 0);
}

Words RandomKernelTest::random_instruction() {
    const uint8_t opcode = opcodes_[number(static_cast<uint32_t>(opcodes_.size()))];
    const bool jumps = std::ranges::find(flow_ops(), opcode, &FlowOp::opcode) != flow_ops().end();
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
        memory_.put(kKernel + i * sizeof(Words), random_instruction());
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
