// PM4 packets that move data.
#include <numeric>

#include "simgpu/clock.h"
#include "tests/unit/simgpu/amd/pm4/pm4_test.h"

namespace simgpu {
namespace {

TEST_F(Pm4Test, WriteDataWritesConsecutiveDwords) {
    ASSERT_TRUE(is_done(run(write_data(kData + 16, {1, 2, 3, 4}))));
    EXPECT_EQ(dword(kData + 16), 1u);
    EXPECT_EQ(dword(kData + 28), 4u);
    EXPECT_EQ(dword(kData + 32), 0u);
}

TEST_F(Pm4Test, WriteDataHonoursOneAddress) {
    const uint32_t one_address = 1u << 16;
    ASSERT_TRUE(
        is_done(run(pkt3(kWriteData, {5u << 8 | one_address, low(kData), high(kData), 7, 8, 9}))));
    EXPECT_EQ(dword(kData), 9u);
    EXPECT_EQ(dword(kData + 4), 0u);
}

TEST_F(Pm4Test, WriteDataReachesRegistersAndGds) {
    const uint32_t from_gds = 3, to_memory = 5u << 8;
    ASSERT_TRUE(is_done(run(
        pkt3(kWriteData, {0u << 8, 0x2e40, 0, 11, 12}) + pkt3(kWriteData, {3u << 8, 0x100, 0, 13}) +
        pkt3(kCopyData, {from_gds | to_memory, 0x100, 0, low(kData), high(kData)}))));
    EXPECT_EQ(engine_.registers().read(0x2e40), 11u);
    EXPECT_EQ(engine_.registers().read(0x2e41), 12u);
    EXPECT_EQ(dword(kData), 13u);
}

TEST_F(Pm4Test, WriteDataFaultsWhereNothingIsMapped) {
    const JobOutcome outcome = run(write_data(kData + kDataSize - 4, {1, 2, 3}));
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kFault);
    EXPECT_EQ(outcome.fault_va, kData + kDataSize);
    EXPECT_EQ(outcome.fault_access, Access::kWrite);
    EXPECT_NE(outcome.report.find("0x100010000"), std::string::npos) << outcome.report;
}

// DMA_DATA: control, source, destination, command.
Dwords dma_data(uint32_t control, uint64_t source, uint64_t target, uint32_t command) {
    return pkt3(kDmaData, {control, low(source), high(source), low(target), high(target), command});
}
constexpr uint32_t kSourceIsData = 2u << 29;

TEST_F(Pm4Test, DmaDataCopies) {
    for (uint32_t i = 0; i < 100; i++) memory_.put(kData + i * 4, i + 1);
    ASSERT_TRUE(is_done(run(dma_data(0, kData + 4, kOther + 3, 37))));
    EXPECT_EQ(std::memcmp(memory_.bytes(kOther + 3), memory_.bytes(kData + 4), 37), 0);
    EXPECT_EQ(memory_.bytes(kOther)[40], 0);
}

TEST_F(Pm4Test, DmaDataThroughL2IsTheSame) {
    memory_.put(kData, 0x12345678u);
    ASSERT_TRUE(is_done(run(dma_data(3u << 29 | 3u << 20, kData, kOther, 4))));
    EXPECT_EQ(dword(kOther), 0x12345678u);
}

TEST_F(Pm4Test, DmaDataFillsBytesInOrder) {
    ASSERT_TRUE(is_done(run(dma_data(kSourceIsData, 0x44332211, kData + 1, 6))));
    const uint8_t expected[] = {0, 0x11, 0x22, 0x33, 0x44, 0x11, 0x22, 0};
    EXPECT_EQ(std::memcmp(memory_.bytes(kData), expected, sizeof expected), 0);
}

TEST_F(Pm4Test, FillKeepsItsPhaseAcrossMappings) {
    constexpr uint64_t kSplit = 0x3'0000'0000;
    memory_.map(kSplit, 5);
    memory_.map(kSplit + 5, 6);
    ASSERT_TRUE(is_done(run(dma_data(kSourceIsData, 0x44332211, kSplit, 11))));
    const uint8_t expected[] = {0x22, 0x33, 0x44, 0x11, 0x22, 0x33};
    EXPECT_EQ(std::memcmp(memory_.bytes(kSplit + 5), expected, sizeof expected), 0);
}

TEST_F(Pm4Test, DmaDataPrefetchTouchesNothing) {
    ASSERT_TRUE(is_done(run(dma_data(3u << 29 | 2u << 20, kNowhere, kNowhere, 4096))));
}

TEST_F(Pm4Test, DmaDataMovesRegistersAndGds) {
    const uint32_t to_register = 1u << 27, from_register = 1u << 26;
    memory_.put(kData, uint64_t{0x22} << 32 | 0x11);
    ASSERT_TRUE(is_done(run(dma_data(0, kData, 0x2e40, 8 | to_register) +
                            dma_data(0, 0x2e40, kOther, 8 | from_register) +
                            dma_data(1u << 20, kData, 64, 8) +          // to GDS
                            dma_data(1u << 29, 64, kOther + 16, 8))));  // from GDS
    EXPECT_EQ(engine_.registers().read(0x2e41), 0x22u);
    EXPECT_EQ(qword(kOther), qword(kData));
    EXPECT_EQ(qword(kOther + 16), qword(kData));
}

TEST_F(Pm4Test, OverlappingCopyMovesEachPieceWhole) {
    std::iota(memory_.bytes(kData), memory_.bytes(kData) + 64, uint8_t{1});
    ASSERT_TRUE(is_done(run(dma_data(0, kData, kData + 8, 32))));
    EXPECT_EQ(memory_.bytes(kData + 8)[0], 1);
    EXPECT_EQ(memory_.bytes(kData + 8)[31], 32);
}

TEST_F(Pm4Test, CopyFaultsNameTheSide) {
    JobOutcome outcome = run(dma_data(0, kNowhere, kData, 16));
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kFault);
    EXPECT_EQ(outcome.fault_va, kNowhere);
    EXPECT_EQ(outcome.fault_access, Access::kRead);
    outcome = run(dma_data(0, kData, kNowhere, 16));
    EXPECT_EQ(outcome.fault_access, Access::kWrite);
}

TEST_F(Pm4Test, CpDmaCopiesAndFills) {
    memory_.put(kData, 0xabcdu);
    ASSERT_TRUE(
        is_done(run(pkt3(kCpDma, {low(kData), high(kData), low(kOther), high(kOther), 4}) +
                    pkt3(kCpDma, {0x5a5a5a5a, kSourceIsData, low(kOther + 8), high(kOther), 4}))));
    EXPECT_EQ(dword(kOther), 0xabcdu);
    EXPECT_EQ(dword(kOther + 8), 0x5a5a5a5au);
}

struct CopyDataRow {
    const char* name;
    uint32_t source_select;
    uint64_t source;
    bool wide;
    uint64_t expected;
};
class CopyData : public Pm4Test, public testing::WithParamInterface<CopyDataRow> {};

TEST_P(CopyData, ReachesMemory) {
    const CopyDataRow& row = GetParam();
    memory_.put(kData, uint64_t{0x1111'2222'3333'4444});
    const Dwords set_sources = pkt3(kSetShReg, {0x240, 0xaaaa, 0xbbbb}) +
                               pkt3(kWriteData, {3u << 8, 0x40, 0, 0xcccc, 0xdddd});
    const uint32_t control = row.source_select | 5u << 8 | uint32_t{row.wide} << 16;
    ASSERT_TRUE(
        is_done(run(set_sources + pkt3(kCopyData, {control, low(row.source), high(row.source),
                                                   low(kOther), high(kOther)}))));
    EXPECT_EQ(qword(kOther), row.expected);
}

INSTANTIATE_TEST_SUITE_P(
    Sources, CopyData,
    testing::Values(CopyDataRow{"register", 0, 0x2e40, false, 0xaaaa},
                    CopyDataRow{"register64", 0, 0x2e40, true, 0xbbbb'0000'aaaa},
                    CopyDataRow{"memory", 1, 0x1'0000'0000, false, 0x3333'4444},
                    CopyDataRow{"memory64", 1, 0x1'0000'0000, true, 0x1111'2222'3333'4444},
                    CopyDataRow{"l2", 2, 0x1'0000'0000, true, 0x1111'2222'3333'4444},
                    CopyDataRow{"gds", 3, 0x40, true, 0xdddd'0000'cccc},
                    CopyDataRow{"immediate", 5, 0x77, false, 0x77},
                    CopyDataRow{"immediate64", 5, 0x7777'8888'9999, true, 0x7777'8888'9999}),
    [](const auto& info) { return info.param.name; });

TEST_F(Pm4Test, CopyDataGivesTheGpuClock) {
    const uint64_t before = gpu_clock();
    ASSERT_TRUE(
        is_done(run(pkt3(kCopyData, {9 | 5u << 8 | 1u << 16, 0, 0, low(kData), high(kData)}))));
    EXPECT_GE(qword(kData), before);
    EXPECT_LE(qword(kData), gpu_clock());
}

TEST_F(Pm4Test, CopyDataSetsRegisters) {
    ASSERT_TRUE(is_done(run(pkt3(kCopyData, {5 | 1u << 16, 0x10, 0x20, 0x2e40, 0}))));
    EXPECT_EQ(engine_.registers().read(0x2e40), 0x10u);
    EXPECT_EQ(engine_.registers().read(0x2e41), 0x20u);
}

struct AtomicRow {
    const char* name;
    uint32_t operation;
    uint64_t old, source, compare, expected;
};
class Atomic : public Pm4Test, public testing::WithParamInterface<AtomicRow> {};

TEST_P(Atomic, ChangesMemoryAndReturnsTheOldValue) {
    const AtomicRow& row = GetParam();
    memory_.put(kData, row.old);
    const uint32_t from_atomic = 6, to_memory = 5u << 8, wide = 1u << 16;
    ASSERT_TRUE(is_done(
        run(pkt3(kAtomicMem, {row.operation, low(kData), high(kData), low(row.source),
                              high(row.source), low(row.compare), high(row.compare), 0}) +
            pkt3(kCopyData, {from_atomic | to_memory | wide, 0, 0, low(kOther), high(kOther)}))));
    EXPECT_EQ(qword(kData), row.expected);
    EXPECT_EQ(qword(kOther), row.operation & 0x20 ? row.old : row.old & UINT32_MAX);
}

constexpr uint64_t kTop = uint64_t{0xabcd} << 32;  // 32-bit operations must not touch it
INSTANTIATE_TEST_SUITE_P(
    Operations, Atomic,
    testing::Values(AtomicRow{"swap", 7, kTop | 1, 9, 0, kTop | 9},
                    AtomicRow{"cmpswap_equal", 8, kTop | 1, 9, 1, kTop | 9},
                    AtomicRow{"cmpswap_other", 8, kTop | 1, 9, 2, kTop | 1},
                    AtomicRow{"add", 15, kTop | 0xffffffff, 2, 0, kTop | 1},
                    AtomicRow{"add_without_return", 79, kTop | 1, 2, 0, kTop | 3},
                    AtomicRow{"sub", 16, kTop | 1, 2, 0, kTop | 0xffffffff},
                    AtomicRow{"smin", 17, kTop | 1, 0xffffffff, 0, kTop | 0xffffffff},
                    AtomicRow{"umin", 18, kTop | 1, 0xffffffff, 0, kTop | 1},
                    AtomicRow{"smax", 19, kTop | 1, 0xffffffff, 0, kTop | 1},
                    AtomicRow{"umax", 20, kTop | 1, 0xffffffff, 0, kTop | 0xffffffff},
                    AtomicRow{"and", 21, kTop | 6, 3, 0, kTop | 2},
                    AtomicRow{"or", 22, kTop | 6, 3, 0, kTop | 7},
                    AtomicRow{"xor", 23, kTop | 6, 3, 0, kTop | 5},
                    AtomicRow{"inc", 24, kTop | 4, 5, 0, kTop | 5},
                    AtomicRow{"inc_wraps", 24, kTop | 5, 5, 0, kTop | 0},
                    AtomicRow{"dec", 25, kTop | 4, 5, 0, kTop | 3},
                    AtomicRow{"dec_wraps", 25, kTop | 0, 5, 0, kTop | 5},
                    AtomicRow{"add64", 47, 0xffffffff, 1, 0, uint64_t{1} << 32},
                    AtomicRow{"cmpswap64", 40, kTop, 9, kTop, 9},
                    AtomicRow{"smin64", 49, 1, UINT64_MAX, 0, UINT64_MAX}),
    [](const auto& info) { return info.param.name; });

TEST_F(Pm4Test, UnknownAtomicIsSkipped) {
    ASSERT_TRUE(is_done(run(pkt3(kAtomicMem, {1, low(kData), high(kData), 1, 0, 0, 0, 0}))));
    EXPECT_EQ(skipped("ATOMIC_MEM with unknown operation"), 1u);
}

TEST_F(Pm4Test, AtomicOnAReadOnlyPageFaults) {
    constexpr uint64_t kReadOnly = 0x3'0000'0000;
    memory_.map(kReadOnly, 8, Mode::kReadOnly);
    const JobOutcome outcome =
        run(pkt3(kAtomicMem, {15, low(kReadOnly), high(kReadOnly), 1, 0, 0, 0, 0}));
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kFault);
    EXPECT_EQ(outcome.fault_access, Access::kWrite);
}

}  // namespace
}  // namespace simgpu
