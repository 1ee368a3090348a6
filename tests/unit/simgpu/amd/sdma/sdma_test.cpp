// SDMA packets.
#include <numeric>
#include <thread>

#include "simgpu/amd/sdma/sdma_engine.h"
#include "simgpu/clock.h"
#include "tests/unit/simgpu/engine/engine_test.h"

namespace simgpu {
namespace {

constexpr uint32_t sdma(uint32_t op, uint32_t sub = 0, uint32_t upper = 0) {
    return op | sub << 8 | upper;
}

class SdmaTest : public EngineTest {
  protected:
    JobOutcome run(const Dwords& commands) { return EngineTest::run(engine_, commands); }
    uint64_t skipped(const char* name) {
        const auto row = engine_.counters().skipped.find(name);
        return row == engine_.counters().skipped.end() ? 0 : row->second;
    }
    void count_up(uint64_t va, size_t bytes) {
        std::iota(memory_.bytes(va), memory_.bytes(va) + bytes, uint8_t{1});
    }
    sdma::SdmaEngine engine_;
};

Dwords fence(uint64_t va, uint32_t value) {
    return {sdma(5), low(va), high(va), value};
}

TEST_F(SdmaTest, NopsCarryPayload) {
    ASSERT_TRUE(is_done(run(Dwords{sdma(0), sdma(0, 0, 3u << 16), 9, 9, 9} + fence(kData, 1))));
    EXPECT_EQ(dword(kData), 1u);
    EXPECT_EQ(engine_.counters().packets.at("NOP"), 2u);
}

TEST_F(SdmaTest, LinearCopyOfOddSizes) {
    count_up(kData, 100);
    ASSERT_TRUE(is_done(
        run({sdma(1), 13 - 1, 0, low(kData + 1), high(kData), low(kOther + 3), high(kOther)})));
    EXPECT_EQ(std::memcmp(memory_.bytes(kOther + 3), memory_.bytes(kData + 1), 13), 0);
    EXPECT_EQ(memory_.bytes(kOther)[16], 0);
}

TEST_F(SdmaTest, BroadcastWritesBothTargets) {
    count_up(kData, 8);
    ASSERT_TRUE(is_done(run({sdma(1, 0, 1u << 27), 8 - 1, 0, low(kData), high(kData), low(kOther),
                             high(kOther), low(kOther + 64), high(kOther)})));
    EXPECT_EQ(qword(kOther), qword(kData));
    EXPECT_EQ(qword(kOther + 64), qword(kData));
}

TEST_F(SdmaTest, SubWindowCopiesRowsAndSlices) {
    // 2-byte elements; a 3x2x2 box from (1,1,1) in 8x4 slices to (0,0,0) in 4x2 slices.
    constexpr uint32_t kSourcePitch = 8, kSourceSlice = 32, kTargetPitch = 4, kTargetSlice = 8;
    for (uint32_t i = 0; i < 3 * kSourceSlice; i++)
        memory_.put(kData + i * 2, static_cast<uint16_t>(i));
    ASSERT_TRUE(
        is_done(run({sdma(1, 4, 1u << 29), low(kData), high(kData), 1 | 1u << 16,
                     1 | (kSourcePitch - 1) << 13, kSourceSlice - 1, low(kOther), high(kOther), 0,
                     (kTargetPitch - 1) << 13, kTargetSlice - 1, (3 - 1) | (2 - 1) << 16, 2 - 1})));
    for (uint32_t z = 0; z < 2; z++) {
        for (uint32_t y = 0; y < 2; y++) {
            const uint64_t row = kOther + (y * kTargetPitch + z * kTargetSlice) * 2;
            for (uint32_t x = 0; x < 3; x++)
                EXPECT_EQ(memory_.get<uint16_t>(row + x * 2),
                          (x + 1) + (y + 1) * kSourcePitch + (z + 1) * kSourceSlice);
            EXPECT_EQ(memory_.get<uint16_t>(row + 6), 0);
        }
    }
}

TEST_F(SdmaTest, WriteLinear) {
    ASSERT_TRUE(is_done(run(Dwords{sdma(2), low(kData), high(kData), 3 - 1, 7, 8, 9} +
                            Dwords{sdma(2), low(kData + 16), high(kData), 0, 10})));
    EXPECT_EQ(dword(kData), 7u);
    EXPECT_EQ(dword(kData + 8), 9u);
    EXPECT_EQ(dword(kData + 12), 0u);
    EXPECT_EQ(dword(kData + 16), 10u);
}

struct FillRow {
    uint32_t fill_size;
    uint32_t expected;
};
class Fill : public SdmaTest, public testing::WithParamInterface<FillRow> {};

TEST_P(Fill, RepeatsBytesWordsOrDwords) {
    const FillRow& row = GetParam();
    ASSERT_TRUE(is_done(
        run({sdma(11, 0, row.fill_size << 30), low(kData), high(kData), 0x44332211, 12 - 1})));
    for (uint32_t i = 0; i < 3; i++) EXPECT_EQ(dword(kData + i * 4), row.expected);
    EXPECT_EQ(dword(kData + 12), 0u);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Fill,
                         testing::Values(FillRow{0, 0x11111111}, FillRow{1, 0x22112211},
                                         FillRow{2, 0x44332211}));

TEST_F(SdmaTest, LargestFillAndCopy) {
    constexpr uint64_t kBig = 0x4'0000'0000, kBig2 = 0x5'0000'0000;
    constexpr uint32_t kBytes = 1u << 22;
    memory_.map(kBig, kBytes);
    memory_.map(kBig2, kBytes);
    ASSERT_TRUE(is_done(
        run(Dwords{sdma(11, 0, 2u << 30), low(kBig), high(kBig), 0xdeadbeef, kBytes - 1} +
            Dwords{sdma(1), kBytes - 1, 0, low(kBig), high(kBig), low(kBig2), high(kBig2)})));
    EXPECT_EQ(dword(kBig + kBytes - 4), 0xdeadbeefu);
    EXPECT_EQ(dword(kBig2 + kBytes - 4), 0xdeadbeefu);
}

TEST_F(SdmaTest, TimestampsAreTheGpuClock) {
    const uint64_t before = gpu_clock();
    ASSERT_TRUE(is_done(
        run({sdma(13, 1), low(kData), high(kData), sdma(13, 2), low(kData + 8), high(kData)})));
    EXPECT_GE(qword(kData), before);
    EXPECT_GE(qword(kData + 8), qword(kData));
}

TEST_F(SdmaTest, IndirectReturns) {
    const Dwords inner = fence(kData, 1);
    place(kIb2, inner);
    ASSERT_TRUE(is_done(
        run(Dwords{sdma(4), low(kIb2), high(kIb2), static_cast<uint32_t>(inner.size()), 0, 0} +
            fence(kData + 4, 2))));
    EXPECT_EQ(dword(kData), 1u);
    EXPECT_EQ(dword(kData + 4), 2u);
}

TEST_F(SdmaTest, EndlessNestingIsCutOff) {
    ASSERT_TRUE(is_done(run({sdma(4), low(kIb), high(kIb), 6, 0, 0})));
    EXPECT_EQ(skipped("INDIRECT nested too deeply"), 1u);
}

TEST_F(SdmaTest, CondExeSkipsUnlessEqual) {
    memory_.put(kData, 5u);
    const auto guarded = [](uint32_t reference, uint64_t target) {
        return Dwords{sdma(9), low(kData), high(kData), reference, 4} + fence(target, 1);
    };
    ASSERT_TRUE(is_done(run(guarded(5, kOther) + guarded(6, kOther + 4) + fence(kOther + 8, 1))));
    EXPECT_EQ(dword(kOther), 1u);
    EXPECT_EQ(dword(kOther + 4), 0u);
    EXPECT_EQ(dword(kOther + 8), 1u);
}

Dwords poll_equal(uint64_t va, uint32_t value) {
    return {sdma(8, 0, 1u << 31 | 3u << 28), low(va), high(va), value, UINT32_MAX, 0xfff000a};
}

TEST_F(SdmaTest, PollEndsWhenAnotherThreadWrites) {
    auto* flag = reinterpret_cast<uint32_t*>(memory_.bytes(kData));
    std::jthread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        std::atomic_ref(*flag).store(7);
    });
    EXPECT_TRUE(is_done(run(poll_equal(kData, 7))));
}

TEST_F(SdmaTest, PollHangsAtTheDeadlineAndStopsWhenTold) {
    deadline_ns_ = monotonic_in(std::chrono::milliseconds(2));
    const JobOutcome outcome = run(poll_equal(kData, 7));
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kHang);
    EXPECT_NE(outcome.report.find("POLL_REGMEM"), std::string::npos) << outcome.report;
    stop_ = true;
    EXPECT_EQ(run(poll_equal(kData, 7)).kind, JobOutcome::Kind::kStopped);
}

TEST_F(SdmaTest, AtomicAdds) {
    memory_.put(kData, uint64_t{0xffffffff});
    const uint32_t add64 = 47;
    ASSERT_TRUE(is_done(run({sdma(10, 0, add64 << 25), low(kData), high(kData), 1, 0, 0, 0, 0})));
    EXPECT_EQ(qword(kData), uint64_t{1} << 32);
}

TEST_F(SdmaTest, FaultsNameAddressAndAccess) {
    JobOutcome outcome =
        run({sdma(1), 4095, 0, low(kData), high(kData), low(kNowhere), high(kNowhere)});
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kFault);
    EXPECT_EQ(outcome.fault_va, kNowhere);
    EXPECT_EQ(outcome.fault_access, Access::kWrite);
    outcome = run({sdma(11), low(kData + kDataSize - 8), high(kData), 0, 15});
    EXPECT_EQ(outcome.fault_va, kData + kDataSize);
}

TEST_F(SdmaTest, EveryPacketWithoutHandlerIsSkippedWhole) {
    for (const sdma::PacketInfo& info : sdma::packet_table()) {
        if (info.handler) continue;
        Dwords packet(info.dwords + (info.tail == sdma::Tail::kWriteCount));
        packet[0] = info.value;
        memory_.put(kData, 0u);
        ASSERT_TRUE(is_done(run(packet + fence(kData, 1)))) << info.name;
        EXPECT_EQ(dword(kData), 1u) << info.name;
        EXPECT_EQ(skipped(info.name), 1u) << info.name;
    }
}

TEST_F(SdmaTest, UnknownPacketEndsTheJob) {
    const JobOutcome outcome = run({0x99});
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kHang);
    EXPECT_NE(outcome.report.find("0x00000099"), std::string::npos) << outcome.report;
}

TEST_F(SdmaTest, EveryTruncatedPacketEndsTheJob) {
    for (const sdma::PacketInfo& info : sdma::packet_table()) {
        for (uint32_t dwords = 1; dwords < info.dwords; dwords++) {
            Dwords packet(dwords);
            packet[0] = info.value;
            EXPECT_EQ(run(packet).kind, JobOutcome::Kind::kHang) << info.name;
        }
    }
    EXPECT_EQ(run({sdma(2), low(kData), high(kData), 0xfffff, 1}).kind, JobOutcome::Kind::kHang);
    EXPECT_EQ(run({sdma(0, 0, 5u << 16), 0}).kind, JobOutcome::Kind::kHang);
}

}  // namespace
}  // namespace simgpu
