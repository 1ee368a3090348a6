// PM4 control flow, registers and dispatches.
#include <thread>

#include "tests/unit/simgpu/amd/pm4/pm4_test.h"

namespace simgpu {
namespace {

constexpr uint32_t kChain = 1u << 20;

Dwords indirect(uint64_t va, size_t dwords, uint32_t flags = 0) {
    return pkt3(kIndirectBuffer, {low(va), high(va), static_cast<uint32_t>(dwords) | flags});
}

TEST_F(Pm4Test, EmptyIbIsDone) {
    JobEnvironment environment{memory_, stop_};
    EXPECT_TRUE(is_done(engine_.execute({kNowhere, 0, 0}, environment)));
}

TEST_F(Pm4Test, PaddingIsPassedOver) {
    const uint32_t type2 = 2u << 30, header_only_nop = 0xffff1000;
    ASSERT_TRUE(is_done(run(Dwords{type2, header_only_nop} + pkt3(kNop, {1, 2, 3}) +
                            write_data(kData, {1}) + Dwords{header_only_nop, type2})));
    EXPECT_EQ(dword(kData), 1u);
    EXPECT_EQ(engine_.counters().packets.at("NOP"), 3u);
}

TEST_F(Pm4Test, NestedBuffersReturn) {
    const Dwords inner = write_data(kData, {1});
    place(kIb2, inner);
    ASSERT_TRUE(is_done(run(indirect(kIb2, inner.size()) + write_data(kData + 4, {2}))));
    EXPECT_EQ(dword(kData), 1u);
    EXPECT_EQ(dword(kData + 4), 2u);
}

TEST_F(Pm4Test, ChainedBuffersDoNotReturn) {
    const Dwords inner = write_data(kData, {1});
    place(kIb2, inner);
    ASSERT_TRUE(is_done(run(indirect(kIb2, inner.size(), kChain) + write_data(kData + 4, {2}))));
    EXPECT_EQ(dword(kData), 1u);
    EXPECT_EQ(dword(kData + 4), 0u);
}

TEST_F(Pm4Test, ChainInANestedBufferReturnsToTheCaller) {
    const Dwords last = write_data(kData, {1});
    place(kOther, last);
    place(kIb2, indirect(kOther, last.size(), kChain));
    ASSERT_TRUE(is_done(run(indirect(kIb2, 4) + write_data(kData + 4, {2}))));
    EXPECT_EQ(dword(kData), 1u);
    EXPECT_EQ(dword(kData + 4), 2u);
}

TEST_F(Pm4Test, EndlessNestingIsCutOff) {
    ASSERT_TRUE(is_done(run(indirect(kIb, 4))));
    EXPECT_EQ(skipped("INDIRECT_BUFFER nested too deeply"), 1u);
}

TEST_F(Pm4Test, ChainToItselfHangs) {
    deadline_ns_ = monotonic_in(std::chrono::milliseconds(3));
    EXPECT_EQ(run(indirect(kIb, 4, kChain)).kind, JobOutcome::Kind::kHang);
}

TEST_F(Pm4Test, ChainToItselfStops) {
    std::jthread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(3));
        stop_ = true;
    });
    EXPECT_EQ(run(indirect(kIb, 4, kChain)).kind, JobOutcome::Kind::kStopped);
}

TEST_F(Pm4Test, FetchFaultsNameTheAddress) {
    const JobOutcome outcome = run(indirect(kNowhere, 16));
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kFault);
    EXPECT_EQ(outcome.fault_va, kNowhere);
    EXPECT_EQ(outcome.fault_access, Access::kRead);
}

TEST_F(Pm4Test, AddressesAreSignExtended) {
    ASSERT_TRUE(is_done(run(write_data(kData | uint64_t{0xffff} << 48, {3}))));
    EXPECT_EQ(dword(kData), 3u);
}

TEST_F(Pm4Test, CondExecSkipsIfZero) {
    for (const uint32_t condition : {0u, 1u}) {
        memory_.put(kData, condition);
        memory_.put(kData + 8, 0u);
        const Dwords guarded = write_data(kData + 8, {9});
        ASSERT_TRUE(is_done(run(
            pkt3(kCondExec, {low(kData), high(kData), 0, static_cast<uint32_t>(guarded.size())}) +
            guarded + write_data(kData + 12, {condition + 10}))));
        EXPECT_EQ(dword(kData + 8), condition ? 9u : 0u);
        EXPECT_EQ(dword(kData + 12), condition + 10);
    }
}

TEST_F(Pm4Test, CondExecPastTheEndEndsTheBuffer) {
    EXPECT_TRUE(is_done(
        run(pkt3(kCondExec, {low(kData), high(kData), 0, 0x3fff}) + write_data(kNowhere, {1}))));
}

TEST_F(Pm4Test, PredExecRunsForDeviceZero) {
    const Dwords guarded = write_data(kData, {1});
    const auto count = static_cast<uint32_t>(guarded.size());
    ASSERT_TRUE(is_done(run(pkt3(kPredExec, {2u << 24 | count}) + guarded)));
    EXPECT_EQ(dword(kData), 0u);
    ASSERT_TRUE(is_done(run(pkt3(kPredExec, {1u << 24 | count}) + guarded)));
    EXPECT_EQ(dword(kData), 1u);
}

struct PredicateRow {
    uint32_t operation;  // BOOL64 3, BOOL32 4
    bool draw_visible;
    uint64_t value;
    bool runs;
};
class Predication : public Pm4Test, public testing::WithParamInterface<PredicateRow> {};

TEST_P(Predication, GuardsPacketsThatAskForIt) {
    const PredicateRow& row = GetParam();
    memory_.put(kData, row.value);
    const uint32_t control = row.operation << 16 | uint32_t{row.draw_visible} << 8;
    ASSERT_TRUE(is_done(run(pkt3(kSetPredication, {control, low(kData), high(kData)}) +
                            write_data(kOther, {1}, 1) + write_data(kOther + 4, {1}) +
                            pkt3(kDispatchDirect, {1, 1, 1, 1}, 3) +
                            pkt3(kSetPredication, {0, 0, 0}) + write_data(kOther + 8, {1}, 1))));
    EXPECT_EQ(dword(kOther), row.runs ? 1u : 0u);
    EXPECT_EQ(dword(kOther + 4), 1u);
    EXPECT_EQ(dword(kOther + 8), 1u);
    EXPECT_EQ(dispatches_.size(), row.runs ? 1u : 0u);
}

INSTANTIATE_TEST_SUITE_P(Operations, Predication,
                         testing::Values(PredicateRow{3, true, 1, true},
                                         PredicateRow{3, true, 0, false},
                                         PredicateRow{3, false, 1, false},
                                         PredicateRow{3, false, 0, true},
                                         PredicateRow{3, true, uint64_t{1} << 40, true},
                                         PredicateRow{4, true, uint64_t{1} << 40, false},
                                         PredicateRow{4, true, 1, true}));

TEST_F(Pm4Test, OcclusionPredicateIsFalseAsNothingIsDrawn) {
    const Dwords begin = pkt3(kEventWrite, {0x15 | 1u << 8, low(kData), high(kData)});
    const Dwords end = pkt3(kEventWrite, {0x15 | 1u << 8, low(kData + 8), high(kData)});
    ASSERT_TRUE(is_done(run(begin + end +
                            pkt3(kSetPredication, {1u << 16 | 1u << 8, low(kData), high(kData)}) +
                            write_data(kOther, {1}, 1))));
    EXPECT_EQ(dword(kOther), 0u);
}

// SET_PREDICATION by streamout: needed and written, at the begin and at the end.
TEST_F(Pm4Test, OverflowsOfAnyStreamDecideThePredicate) {
    constexpr uint32_t kPrimcount = 2u << 16, kIfNoneOverflowed = 1u << 8, kContinue = 1u << 31;
    constexpr uint64_t kValid = uint64_t{1} << 63;
    const auto store = [&](uint64_t va, uint64_t needed, uint64_t written) {
        memory_.put(va, kValid | 10);
        memory_.put(va + 8, kValid | 7);
        memory_.put(va + 16, kValid | (10 + needed));
        memory_.put(va + 24, kValid | (7 + written));
    };
    const auto runs = [&](uint32_t flags) {
        memory_.put(kOther, 0u);
        EXPECT_TRUE(is_done(run(
            pkt3(kSetPredication, {kPrimcount | flags, low(kData), high(kData)}) +
            pkt3(kSetPredication, {kPrimcount | flags | kContinue, low(kData + 32), high(kData)}) +
            write_data(kOther, {1}, 1) + pkt3(kSetPredication, {0, 0, 0}))));
        return dword(kOther) == 1;
    };
    store(kData, 5, 5);
    store(kData + 32, 3, 3);
    EXPECT_TRUE(runs(kIfNoneOverflowed));
    EXPECT_FALSE(runs(0));
    store(kData + 32, 3, 2);
    EXPECT_FALSE(runs(kIfNoneOverflowed));
    EXPECT_TRUE(runs(0));
    store(kData, 5, 4);
    store(kData + 32, 3, 3);
    EXPECT_TRUE(runs(0)) << "the first one's overflow is kept";
}

TEST_F(Pm4Test, RewindWaitsForItsOwnValidBit) {
    const Dwords commands = pkt3(kRewind, {0}) + write_data(kData, {1});
    place(kIb2, commands);
    auto* valid = reinterpret_cast<uint32_t*>(memory_.bytes(kIb2 + 4));
    std::jthread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(3));
        std::atomic_ref(*valid).store(1u << 31);
    });
    ASSERT_TRUE(is_done(run(indirect(kIb2, commands.size()))));
    EXPECT_EQ(dword(kData), 1u);
}

// INDIRECT_BUFFER_CONST was for the constant engine; here it runs like any other.
TEST_F(Pm4Test, IndirectBuffersOfConstantsRunToo) {
    const Dwords commands = write_data(kData, {7});
    place(kIb2, commands);
    ASSERT_TRUE(
        is_done(run(pkt3(0x33, {low(kIb2), high(kIb2), static_cast<uint32_t>(commands.size())}) +
                    write_data(kData + 4, {8}))));
    EXPECT_EQ(dword(kData), 7u);
    EXPECT_EQ(dword(kData + 4), 8u);
}

TEST_F(Pm4Test, RegistersSurviveFromIbToIb) {
    ASSERT_TRUE(is_done(run(pkt3(kSetShReg, {0x240, 7}, 2))));
    ASSERT_TRUE(is_done(run(pkt3(kDispatchDirect, {1, 1, 1, 1}, 2))));
    EXPECT_EQ(dispatches_.at(0).user_data[0], 7u);
}

TEST_F(Pm4Test, DispatchCarriesTheComputeState) {
    Dwords user_data{0x240};
    for (uint32_t i = 0; i < 16; i++) user_data.push_back(100 + i);
    ASSERT_TRUE(is_done(run(
        pkt3(kSetShReg, {0x204, 1, 2, 3, 64, 0x20001, 1}, 2) +
        pkt3(kSetShReg, {0x20c, 0x12345678, 0x7f}, 2) + pkt3(kSetShReg, {0x212, 0xaa, 0xbb}, 2) +
        pkt3(kSetShReg, {0x215, 0xcc}, 2) + pkt3(kSetShReg, {0x218, 0xdd}, 2) +
        pkt3(kSetShReg, user_data, 2) + pkt3(kDispatchDirect, {5, 6, 7, 0x45}, 2))));
    ASSERT_EQ(dispatches_.size(), 1u);
    const gfx9::Dispatch& dispatch = dispatches_[0];
    EXPECT_EQ(dispatch.program_va, 0x7f'1234'5678'00u);
    EXPECT_EQ(dispatch.pgm_rsrc1, 0xaau);
    EXPECT_EQ(dispatch.pgm_rsrc2, 0xbbu);
    EXPECT_EQ(dispatch.resource_limits, 0xccu);
    EXPECT_EQ(dispatch.tmpring_size, 0xddu);
    EXPECT_EQ(dispatch.initiator, 0x45u);
    for (uint32_t i = 0; i < 16; i++) EXPECT_EQ(dispatch.user_data[i], 100 + i);
    for (uint32_t i = 0; i < 3; i++) {
        EXPECT_EQ(dispatch.start[i], i + 1);
        EXPECT_EQ(dispatch.groups[i], i + 5);
    }
    EXPECT_EQ(dispatch.threads[0], 64u);
    EXPECT_EQ(dispatch.threads[1], 0x20001u);
}

TEST_F(Pm4Test, IndirectDispatchInBothForms) {
    for (uint32_t i = 0; i < 3; i++) memory_.put(kData + 16 + i * 4, i + 2);
    ASSERT_TRUE(is_done(run(pkt3(kSetBase, {1, low(kData), high(kData)}, 2) +
                            pkt3(kDispatchIndirect, {16, 1}, 2) +
                            pkt3(kDispatchIndirect, {low(kData + 16), high(kData), 1}, 2))));
    ASSERT_EQ(dispatches_.size(), 2u);
    for (const auto& dispatch : dispatches_)
        for (uint32_t i = 0; i < 3; i++) EXPECT_EQ(dispatch.groups[i], i + 2);
}

TEST_F(Pm4Test, EmptyAndDisabledDispatchesDoNotRun) {
    ASSERT_TRUE(is_done(
        run(pkt3(kDispatchDirect, {0, 1, 1, 1}, 2) + pkt3(kDispatchDirect, {1, 1, 1, 0}, 2))));
    EXPECT_TRUE(dispatches_.empty());
}

TEST_F(Pm4Test, BadShaderEndsTheJob) {
    dispatch_outcome_ = {.kind = JobOutcome::Kind::kBadShader, .report = "what is this"};
    const JobOutcome outcome = run(pkt3(kDispatchDirect, {1, 1, 1, 1}, 2) + write_data(kData, {1}));
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kBadShader);
    EXPECT_EQ(outcome.report, "what is this");
    EXPECT_EQ(dword(kData), 0u);
}

TEST_F(Pm4Test, UnknownPacketsAreSkippedByName) {
    ASSERT_TRUE(is_done(run(pkt3(0xfe, {1, 2, 3}) + pkt3(kStrmoutBufferUpdate, {3, 2}) +
                            pkt3(kStrmoutBufferUpdate, {3, 2}) + write_data(kData, {1}))));
    EXPECT_EQ(skipped("PKT3_0xfe"), 1u);
    EXPECT_EQ(skipped("STRMOUT_BUFFER_UPDATE"), 2u);
    EXPECT_EQ(skipped("WRITE_DATA"), 0u);
    EXPECT_EQ(engine_.counters().packets.at("WRITE_DATA"), 1u);
    EXPECT_EQ(dword(kData), 1u);
}

TEST_F(Pm4Test, PacketPastTheEndOfItsIbIsNotRun) {
    Dwords commands = write_data(kData, {1, 2});
    commands.pop_back();
    const JobOutcome outcome = run(commands);
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kHang);
    EXPECT_NE(outcome.report.find("WRITE_DATA"), std::string::npos) << outcome.report;
    EXPECT_EQ(dword(kData), 0u);
}

TEST_F(Pm4Test, ReservedPacketTypeHangs) {
    EXPECT_EQ(run({1u << 30}).kind, JobOutcome::Kind::kHang);
}

}  // namespace
}  // namespace simgpu
