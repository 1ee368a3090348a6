#include "tests/unit/simgpu/intel/cs/cs_test.h"

#include <gmock/gmock.h>

namespace simgpu::intel {

namespace {

using testing::HasSubstr;

constexpr uint32_t kGpr = 0x2600;
constexpr uint32_t kSecondLevel = 1u << 22;

TEST_F(CsTest, StoresDwordsAndQwords) {
    EXPECT_TRUE(is_done(
        run_batch(store(kData, 7) + mi(0x20, {low(kData + 8), high(kData + 8), 1, 2}, 1u << 21))));
    EXPECT_EQ(dword(kData), 7u);
    EXPECT_EQ(qword(kData + 8), 0x2'0000'0001u);
}

TEST_F(CsTest, WritesAfterPipeControl) {
    EXPECT_TRUE(is_done(run_batch(gfx(0x7a00, {1u << 14, low(kData), high(kData), 0x55, 0x66}))));
    EXPECT_EQ(qword(kData), 0x66'0000'0055u);
}

TEST_F(CsTest, TimestampsCountOnwards) {
    const Dwords stamp = gfx(0x7a00, {3u << 14, low(kData), high(kData), 0, 0});
    EXPECT_TRUE(is_done(run_batch(stamp + mi(0x24, {0x2358, low(kData + 8), high(kData + 8)}))));
    EXPECT_NE(qword(kData), 0u);
    EXPECT_LT(dword(kData + 8) - dword(kData), 19'200'000u) << "less than a second later";
}

TEST_F(CsTest, ContinuesInAnotherBatch) {
    place(kIb2, store(kData, 1) + kEnd);
    EXPECT_TRUE(is_done(run_batch(start(kIb2) + store(kData + 4, 2))));
    EXPECT_EQ(dword(kData), 1u);
    EXPECT_EQ(dword(kData + 4), 0u) << "a jump does not come back";
}

TEST_F(CsTest, ReturnsFromTheSecondLevel) {
    place(kIb2, store(kData, 1) + kEnd);
    EXPECT_TRUE(is_done(run_batch(start(kIb2, kSecondLevel) + store(kData + 4, 2))));
    EXPECT_EQ(dword(kData), 1u);
    EXPECT_EQ(dword(kData + 4), 2u);
}

TEST_F(CsTest, BatchWithoutEndFaults) {
    const JobOutcome outcome = run_on(EngineClass::kRender, store(kData, 1));
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kFault);
    EXPECT_EQ(outcome.fault_va, kIb + 16);
}

struct BadCommand {
    const char* name;
    EngineClass engine;
    Dwords commands;
    const char* report;
};

class BadCommandTest : public CsTest, public testing::WithParamInterface<BadCommand> {};

TEST_P(BadCommandTest, EndsTheJobWithAReport) {
    const BadCommand& bad = GetParam();
    const JobOutcome outcome = run_on(bad.engine, store(kData, 1) + bad.commands + kEnd);
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kHang);
    EXPECT_THAT(outcome.report, HasSubstr(bad.report));
    EXPECT_EQ(dword(kData), 1u) << "commands before it have run";
}

INSTANTIATE_TEST_SUITE_P(
    Cs, BadCommandTest,
    testing::Values(
        BadCommand{"unknown_mi", EngineClass::kRender, mi(0x3f, {0, 0}), "unknown command"},
        BadCommand{"unknown_pipeline", EngineClass::kRender, gfx(0x7fff, {0}), "unknown command"},
        BadCommand{"decode", EngineClass::kVideo, gfx(0x7000, {0, 0, 0, 0}),
                   "a command of video, which is not simulated, at"},
        BadCommand{"register_of_render", EngineClass::kVideo, load_register(kGpr, 1),
                   "register 0x2600 is not one"},
        BadCommand{"draw", EngineClass::kRender, gfx(0x7b00, {0, 0, 0, 0, 0, 0}),
                   "draws are not simulated on Intel"},
        BadCommand{"blit_on_render", EngineClass::kRender, Dwords{0x50400000 | 10} + Dwords(11),
                   "not a command of the render engine"},
        BadCommand{"walker_on_copy", EngineClass::kCopy, gfx(0x7105, Dwords(14)),
                   "not a command of the copy engine"},
        BadCommand{"later_generation", EngineClass::kRender, gfx(0x7208, Dwords(38)),
                   "unknown command"},
        BadCommand{"short_state", EngineClass::kRender, gfx(0x6101, {0, 0}), "has 3 dwords"},
        BadCommand{"long_state", EngineClass::kRender, gfx(0x7814, {0, 0, 0}), "has 4 dwords"},
        BadCommand{"kernel_register", EngineClass::kRender, load_register(0x2080, 1),
                   "register 0x2080 is not one"},
        BadCommand{"alu", EngineClass::kRender, mi(0x1a, {0x999u << 20}), "ALU instruction"},
        BadCommand{"no_descriptor", EngineClass::kRender,
                   Dwords{0x69040302} + gfx(0x7105, Dwords(14)), "has not been loaded"},
        BadCommand{"3d_pipeline", EngineClass::kRender, gfx(0x7105, Dwords(14)),
                   "PIPELINE_SELECT"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(CsTest, VideoEnginesHaveTheCommonCommandsAndTheirOwnRegisters) {
    EXPECT_TRUE(is_done(run_on(
        EngineClass::kVideo, load_register(0x1c0600, 7) + store_register(0x1c0600, kData) + kEnd)));
    EXPECT_EQ(dword(kData), 7u);
    EXPECT_TRUE(is_done(run_on(EngineClass::kVideoEnhance, store(kData, 1) + kEnd)));
    EXPECT_EQ(dword(kData), 1u);
}

TEST_F(CsTest, KeepsStateThatOnlyDrawsUse) {
    EXPECT_TRUE(is_done(run_batch(gfx(0x7814, {0}) + gfx(0x7813, {0, 0, 0}) + store(kData, 1))));
    EXPECT_EQ(dword(kData), 1u);
}

TEST_F(CsTest, RegistersLastFromJobToJob) {
    const auto engine = create_engine(tgl(), EngineClass::kRender);
    EXPECT_TRUE(is_done(run(*engine, load_register(kGpr, 5) + kEnd)));
    EXPECT_TRUE(is_done(run(*engine, store_register(kGpr, kData) + kEnd)));
    EXPECT_EQ(dword(kData), 5u);
}

TEST_F(CsTest, RelativeRegistersAreTheEnginesOwn) {
    constexpr uint32_t kRelative = 1u << 19;
    EXPECT_TRUE(is_done(run_on(EngineClass::kCopy, mi(0x22, {0x600, 9}, kRelative) +
                                                       store_register(0x22600, kData) + kEnd)));
    EXPECT_EQ(dword(kData), 9u);
}

// Drivers set the tables of sparse memory on all engines at once.
TEST_F(CsTest, SparseMemoryRegistersOfAllEnginesKeepWhatIsWritten) {
    for (const uint32_t block : {0x4400u, 0x4480u, 0x4580u}) {
        for (uint32_t address = block; address < block + 0x18; address += 4) {
            EXPECT_TRUE(is_done(
                run_batch(load_register(address, address) + store_register(address, kData))));
            EXPECT_EQ(dword(kData), address);
        }
    }
}

// --- MI_MATH

constexpr uint32_t alu(uint32_t opcode, uint32_t a = 0, uint32_t b = 0) {
    return opcode << 20 | a << 10 | b;
}
constexpr uint32_t kSrcA = 0x20, kSrcB = 0x21, kAccu = 0x31, kZf = 0x32, kCf = 0x33;

struct MathCase {
    const char* name;
    uint32_t opcode;
    uint64_t a;
    uint64_t b;
    uint64_t result;
    uint64_t zero;
    uint64_t carry;
};

class MathTest : public CsTest, public testing::WithParamInterface<MathCase> {};

TEST_P(MathTest, ComputesResultAndFlags) {
    const MathCase& c = GetParam();
    Dwords commands = load_register(kGpr, low(c.a)) + load_register(kGpr + 4, high(c.a)) +
                      load_register(kGpr + 8, low(c.b)) + load_register(kGpr + 12, high(c.b)) +
                      mi(0x1a, {alu(0x80, kSrcA, 0), alu(0x80, kSrcB, 1), alu(c.opcode),
                                alu(0x180, 2, kAccu), alu(0x180, 3, kZf), alu(0x180, 4, kCf)});
    for (uint32_t i = 0; i < 6; i++)
        commands = commands + store_register(kGpr + 16 + 4 * i, kData + 4 * i);
    EXPECT_TRUE(is_done(run_batch(commands)));
    EXPECT_EQ(qword(kData), c.result);
    EXPECT_EQ(qword(kData + 8), c.zero);
    EXPECT_EQ(qword(kData + 16), c.carry);
}

constexpr uint64_t kAll = ~uint64_t{0};
INSTANTIATE_TEST_SUITE_P(Cs, MathTest,
                         testing::Values(MathCase{"add", 0x100, 3, 4, 7, 0, 0},
                                         MathCase{"add_carry", 0x100, kAll, 1, 0, kAll, kAll},
                                         MathCase{"sub", 0x101, 7, 4, 3, 0, 0},
                                         MathCase{"sub_borrow", 0x101, 4, 7, kAll - 2, 0, kAll},
                                         MathCase{"and", 0x102, 12, 10, 8, 0, 0},
                                         MathCase{"or", 0x103, 12, 10, 14, 0, 0},
                                         MathCase{"xor", 0x104, 12, 12, 0, kAll, 0}),
                         [](const auto& info) { return std::string(info.param.name); });

// --- predicates

TEST_F(CsTest, PredicateOfEqualSources) {
    constexpr uint32_t kLoadEqual = 2u << 6 | 2, kStorePredicated = 1u << 21;
    const auto stores_if = [&](uint32_t source0) {
        const Dwords srm = mi(0x24, {kGpr, low(kData), high(kData)}, kStorePredicated);
        memory_.put<uint32_t>(kData, 0);
        EXPECT_TRUE(is_done(run_batch(load_register(kGpr, 1) + load_register(0x2400, source0) +
                                      load_register(0x2408, 5) + mi(0x0c, {}, kLoadEqual) + srm)));
        return dword(kData) == 1;
    };
    EXPECT_TRUE(stores_if(5));
    EXPECT_FALSE(stores_if(6));
}

TEST_F(CsTest, NoOpsUntilThePredicateIsUnset) {
    constexpr uint32_t kResultClear = 3, kNever = 0;
    EXPECT_TRUE(is_done(run_batch(load_register(0x2418, 0) + mi(0x01, {}, kResultClear) +
                                  store(kData, 1) + mi(0x01, {}, kNever) + store(kData + 4, 2))));
    EXPECT_EQ(dword(kData), 0u);
    EXPECT_EQ(dword(kData + 4), 2u);
}

TEST_F(CsTest, WaitsForSemaphores) {
    constexpr uint32_t kEqual = 4u << 12, kPoll = 1u << 15;
    memory_.put<uint32_t>(kData, 3);
    EXPECT_TRUE(is_done(run_batch(mi(0x1c, {3, low(kData), high(kData)}, kEqual | kPoll))));
    deadline_ns_ = monotonic_in(std::chrono::milliseconds(5));
    EXPECT_EQ(run_batch(mi(0x1c, {4, low(kData), high(kData)}, kEqual | kPoll)).kind,
              JobOutcome::Kind::kHang);
}

// --- blitter

TEST_F(CsTest, CopiesRectangles) {
    for (uint32_t i = 0; i < 16; i++) memory_.put<uint32_t>(kData + 4 * i, i);
    constexpr uint32_t kPitch = 16 - 1;  // four pixels of 4 bytes
    const Dwords copy = {0x50400000u | 2u << 19 | 10,
                         kPitch,
                         0,
                         2u << 16 | 2u,
                         low(kOther),
                         high(kOther),
                         0,
                         1u << 16 | 1u,
                         kPitch,
                         low(kData),
                         high(kData),
                         0};
    EXPECT_TRUE(is_done(run_on(EngineClass::kCopy, copy + kEnd)));
    EXPECT_EQ(dword(kOther), 5u);
    EXPECT_EQ(dword(kOther + 4), 6u);
    EXPECT_EQ(dword(kOther + 8), 0u);
    EXPECT_EQ(dword(kOther + 16), 9u);
    EXPECT_EQ(dword(kOther + 32), 0u);
}

TEST_F(CsTest, FillsTiledRectangles) {
    constexpr uint32_t kTileY = 2u << 30, kPitch = 128 / 4 - 1;
    const Dwords fill = {0x51000000u | 2u << 19 | 9,
                         kTileY | kPitch,
                         0,
                         2u << 16 | 8u,
                         low(kOther),
                         high(kOther),
                         0,
                         7,
                         0,
                         0,
                         0};
    EXPECT_TRUE(is_done(run_on(EngineClass::kCopy, fill + kEnd)));
    // Two rows of 32 bytes: two columns of 16 bytes, 512 apart.
    EXPECT_EQ(dword(kOther + 28), 7u);
    EXPECT_EQ(dword(kOther + 32), 0u);
    EXPECT_EQ(dword(kOther + 512 + 28), 7u);
    EXPECT_EQ(dword(kOther + 1024), 0u);
}

}  // namespace

}  // namespace simgpu::intel
