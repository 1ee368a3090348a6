// Branches, loops, predicates, barriers.
#include <gmock/gmock.h>

#include "tests/unit/simgpu/intel/eu/eu_test.h"

namespace simgpu::intel::eu {

namespace {

constexpr unsigned kCmp = 0x70, kAdd = 0x40, kIf = 0x22, kElse = 0x24, kEndif = 0x25;
constexpr unsigned kWhile = 0x27, kBreak = 0x28, kContinue = 0x29, kMovOpcode = 0x61;
constexpr unsigned kLess = 5, kEqual = 1;
constexpr unsigned kPredicated = 1;
constexpr std::array<uint32_t, kChannels> kIndices = {0, 1, 2, 3, 4, 5, 6, 7};

using FlowTest = EuTest;

TEST_F(FlowTest, IfAndElseSplitChannels) {
    const std::vector<Words> code = {
        op2_imm(kCmp, null(), r(1), Type::kUD, 3, {.condition = kLess}),
        flow(kIf, 3 * 16, 4 * 16, {.predicate = kPredicated}),
        mov_imm(r(kResult), Type::kUD, 100),
        flow(kElse, 2 * 16, 2 * 16),
        op2_imm(kAdd, r(kResult), r(1), Type::kUD, 200),
        flow(kEndif, 16, 16),
        op2_imm(kAdd, r(kResult), r(kResult), Type::kUD, 1),
    };
    ASSERT_TRUE(is_done(run_code(code, concat({kIndices}))));
    for (unsigned i = 0; i < kChannels; i++) EXPECT_EQ(result(i), i < 3 ? 101 : 201 + i) << i;
}

TEST_F(FlowTest, IfWithoutTakersJumps) {
    const std::vector<Words> code = {
        mov_imm(r(kResult), Type::kUD, 1),
        op2_imm(kCmp, null(), r(1), Type::kUD, 0, {.condition = kLess}),
        flow(kIf, 3 * 16, 3 * 16, {.predicate = kPredicated}),
        op1(0x0f, r(10), r(1)),  // would end the job
        op1(0x0f, r(10), r(1)),
        flow(kEndif, 16, 16),
    };
    ASSERT_TRUE(is_done(run_code(code, concat({kIndices}))));
    EXPECT_EQ(result(7), 1u);
}

TEST_F(FlowTest, LoopsRunAsOftenAsEachChannelWants) {
    // r10 counts up; channels leave when it equals their index plus one. r11 counts the rounds
    // after a continue, which channel 2 takes every time.
    const std::vector<Words> code = {
        mov_imm(r(kResult), Type::kUD, 0),
        op2_imm(kAdd, r(kResult), r(kResult), Type::kUD, 1),
        op2_imm(kAdd, r(12), r(1), Type::kUD, 1),
        op2(kCmp, null(), r(kResult), r(12), {.condition = kEqual}),
        flow(kBreak, 2 * 16, 2 * 16, {.predicate = kPredicated}),
        op2_imm(kAdd, r(11), r(11), Type::kUD, 1),
        flow(kWhile, -5 * 16, 0),
        op2(kAdd, r(kResult), r(kResult), r(11)),
    };
    ASSERT_TRUE(is_done(run_code(code, concat({kIndices}))));
    for (unsigned i = 0; i < kChannels; i++) EXPECT_EQ(result(i), i + 1 + i) << i;
}

TEST_F(FlowTest, ContinueWaitsForTheLoopsEnd) {
    const std::vector<Words> code = {
        mov_imm(r(kResult), Type::kUD, 0),
        mov_imm(r(11), Type::kUD, 0),
        op2_imm(kAdd, r(11), r(11), Type::kUD, 1),
        op2_imm(kCmp, null(), r(1), Type::kUD, 2, {.condition = kEqual}),
        flow(kContinue, 2 * 16, 2 * 16, {.predicate = kPredicated}),
        op2_imm(kAdd, r(kResult), r(kResult), Type::kUD, 1),
        op2_imm(kCmp, null(), r(11), Type::kUD, 4, {.condition = kLess}),
        flow(kWhile, -5 * 16, 0, {.predicate = kPredicated}),
    };
    // The continue's target is the comparison before WHILE's here, where all meet again.
    ASSERT_TRUE(is_done(run_code(code, concat({kIndices}))));
    for (unsigned i = 0; i < kChannels; i++) EXPECT_EQ(result(i), i == 2 ? 0u : 4u) << i;
}

TEST_F(FlowTest, PredicatesOfGroups) {
    constexpr unsigned kAny4h = 6;
    const std::vector<Words> code = {
        mov_imm(r(kResult), Type::kUD, 0),
        op2_imm(kCmp, null(), r(1), Type::kUD, 5, {.condition = kEqual}),
        mov_imm(r(kResult), Type::kUD, 1, {.predicate = kAny4h}),
    };
    ASSERT_TRUE(is_done(run_code(code, concat({kIndices}))));
    for (unsigned i = 0; i < kChannels; i++) EXPECT_EQ(result(i), i >= 4 ? 1u : 0u) << i;
}

TEST_F(FlowTest, ChannelsThatWereNotDispatchedDoNothing) {
    Walker walker;
    walker.last_mask = 0x0f;
    const std::vector<Words> code = {
        mov_imm(r(kResult), Type::kUD, 7, {.no_mask = true}),
        mov_imm(r(kResult), Type::kUD, 9),
    };
    ASSERT_TRUE(is_done(run_code(code, {}, walker)));
    EXPECT_EQ(result(3), 9u);
    EXPECT_EQ(result(4), 7u);
}

TEST_F(FlowTest, EndlessKernelsAreHangs) {
    deadline_ns_ = monotonic_in(std::chrono::milliseconds(5));
    EXPECT_EQ(run_code({flow(kWhile, 0, 0)}, {}).kind, JobOutcome::Kind::kHang);
}

// --- barriers: two threads of a group

Words signal_barrier_message() {
    return send(null(), {.sfid = 3, .descriptor = 4 | 1u << 25, .payload = 1},
                {.channels = 1, .no_mask = true});
}

TEST_F(FlowTest, ThreadsMeetAtBarriers) {
    // The first thread writes to SLM before the barrier, the second reads behind it; each stores
    // what it reads, at the same place, so the last writer is thread 1.
    Walker walker;
    walker.threads_per_group = 2;
    walker.slm_bytes = 1024;
    const uint32_t write = data_port(0x09, 0x2e, 254, 1, 0);
    const uint32_t read = data_port(0x01, 0x2e, 254, 1, 1);
    const std::vector<Words> code = {
        op2_imm(kAdd, r(20), r(1), Type::kUD, 5),
        send(null(), {.sfid = 12, .descriptor = write, .payload = 2, .payload2 = 20, .length2 = 1}),
        signal_barrier_message(),
        sync(0xe),
        send(r(kResult), {.sfid = 12, .descriptor = read, .payload = 2}),
    };
    const std::array<uint32_t, kChannels> offsets = {0, 4, 8, 12, 16, 20, 24, 28};
    ASSERT_TRUE(is_done(run_code(code, concat({kIndices, offsets}), walker)));
    for (unsigned i = 0; i < kChannels; i++) EXPECT_EQ(result(i), i + 5) << i;
}

TEST_F(FlowTest, BarrierThatNotAllReachIsAHang) {
    Walker walker;
    walker.threads_per_group = 2;
    walker.last_mask = 0;  // the second thread has no channels: it jumps over the barrier
    const std::vector<Words> code = {
        op2_imm(kCmp, null(), r(1), Type::kUD, 100, {.condition = kLess}),
        flow(kIf, 3 * 16, 3 * 16, {.predicate = kPredicated}),
        signal_barrier_message(),
        sync(0xe),
        flow(kEndif, 16, 16),
    };
    const JobOutcome outcome = run_code(code, concat({kIndices}), walker);
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kHang);
    EXPECT_THAT(outcome.report, testing::HasSubstr("barrier"));
}

TEST_F(FlowTest, EmptyGridsAreDoneAtOnce) {
    Walker walker;
    walker.end = {0, ~0u, ~0u};
    EXPECT_TRUE(is_done(run_code({}, {}, walker)));
}

TEST_F(FlowTest, NullRegisterIsZeroWhateverItsRegion) {
    Reg wide = null();
    wide.vertical = 32;
    wide.width = 1;
    wide.horizontal = 0;
    ASSERT_TRUE(is_done(run_code({op2(kAdd, r(kResult), r(1), wide)}, concat({kIndices}))));
    for (unsigned i = 0; i < kChannels; i++) EXPECT_EQ(result(i), i) << i;
}

TEST_F(FlowTest, GroupsThatDoNotFitAreRefused) {
    Walker walker;
    walker.threads_per_group = 113;  // a Tiger Lake subslice has 112 threads
    EXPECT_EQ(run_code({}, {}, walker).kind, JobOutcome::Kind::kBadShader);
}

}  // namespace

}  // namespace simgpu::intel::eu
