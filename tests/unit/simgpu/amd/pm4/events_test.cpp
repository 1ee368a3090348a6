// PM4 fences, events and waits.
#include <thread>

#include "simgpu/clock.h"
#include "tests/unit/simgpu/amd/pm4/pm4_test.h"

namespace simgpu {
namespace {

Dwords release_mem(uint32_t data_select, uint64_t va, uint64_t value) {
    return pkt3(kReleaseMem, {0x28 | 5u << 8, data_select << 29 | 2u << 24, low(va), high(va),
                              low(value), high(value), 0});
}

TEST_F(Pm4Test, ReleaseMemWritesWhatDataSelSays) {
    memory_.put(kData + 8, UINT64_MAX);
    ASSERT_TRUE(
        is_done(run(release_mem(1, kData + 8, 0x1'0000'0005) +
                    release_mem(2, kData + 16, 0x1'0000'0006) + release_mem(0, kNowhere, 1))));
    EXPECT_EQ(qword(kData + 8), 0xffffffff'00000005u);
    EXPECT_EQ(qword(kData + 16), 0x1'0000'0006u);
}

TEST_F(Pm4Test, TimestampsAreTheGpuClock) {
    const uint64_t before = gpu_clock();
    ASSERT_TRUE(is_done(
        run(release_mem(3, kData, 0) +
            pkt3(kEventWriteEop, {0x28 | 5u << 8, low(kData + 8), high(kData) | 3u << 29, 0, 0}))));
    EXPECT_GE(qword(kData), before);
    EXPECT_GE(qword(kData + 8), qword(kData));
    EXPECT_LE(qword(kData + 8), gpu_clock());
}

TEST_F(Pm4Test, LegacyFencesWrite) {
    ASSERT_TRUE(is_done(
        run(pkt3(kEventWriteEop, {0x28 | 5u << 8, low(kData), high(kData) | 1u << 29, 42, 0}) +
            pkt3(kEventWriteEos, {0x2f | 6u << 8, low(kData + 4), high(kData) | 2u << 29, 43}))));
    EXPECT_EQ(dword(kData), 42u);
    EXPECT_EQ(dword(kData + 4), 43u);
}

TEST_F(Pm4Test, ReleaseMemCopiesGds) {
    ASSERT_TRUE(is_done(
        run(pkt3(kWriteData, {3u << 8, 8, 0, 5, 6}) + release_mem(5, kData, 2 | 2u << 16))));
    EXPECT_EQ(dword(kData), 5u);
    EXPECT_EQ(dword(kData + 4), 6u);
}

TEST_F(Pm4Test, OcclusionIsAValidZeroPerBackend) {
    ASSERT_TRUE(is_done(run(pkt3(kEventWrite, {0x15 | 1u << 8, low(kData), high(kData)}))));
    for (uint32_t i = 0; i < kBackends; i++) {
        EXPECT_EQ(qword(kData + i * 16), uint64_t{1} << 63);
        EXPECT_EQ(qword(kData + i * 16 + 8), 0u);
    }
    EXPECT_EQ(qword(kData + kBackends * 16), 0u);
}

TEST_F(Pm4Test, PipelineStatisticsCountComputeInvocations) {
    const Dwords sample = pkt3(kEventWrite, {0x1e | 2u << 8, low(kData), high(kData)});
    memory_.put(kData, UINT64_MAX);
    ASSERT_TRUE(is_done(run(pkt3(kSetShReg, {0x207, 8, 4, 2}, 2) +
                            pkt3(kDispatchDirect, {3, 1, 1, 1}, 2) + sample)));
    EXPECT_EQ(qword(kData), 0u);
    EXPECT_EQ(qword(kData + 80), 3u * 8 * 4 * 2);
}

TEST_F(Pm4Test, PartialAndOffsetGridsAreCountedExactly) {
    // Groups 1..2 of 8 threads, the last one of 3: 8 + 3 threads along x.
    ASSERT_TRUE(
        is_done(run(pkt3(kSetShReg, {0x204, 1, 0, 0, 8 | 3u << 16, 1 | 1u << 16, 1 | 1u << 16}, 2) +
                    pkt3(kDispatchDirect, {3, 1, 1, 1 | 1u << 1}, 2) +
                    pkt3(kEventWrite, {0x1e | 2u << 8, low(kData), high(kData)}))));
    EXPECT_EQ(qword(kData + 80), 11u);
}

TEST_F(Pm4Test, StreamoutStatisticsAreValid) {
    for (const uint32_t event : {0x20u, 1u, 3u}) {
        memory_.put(kData, uint64_t{0});
        ASSERT_TRUE(is_done(run(pkt3(kEventWrite, {event | 3u << 8, low(kData), high(kData)}))));
        EXPECT_EQ(qword(kData), uint64_t{1} << 63);
        EXPECT_EQ(qword(kData + 8), uint64_t{1} << 63);
    }
}

// Another event's number once had statistics, too.
TEST_F(Pm4Test, OtherEventsHaveNoStatistics) {
    memory_.put(kData, uint64_t{7});
    ASSERT_TRUE(is_done(run(pkt3(kEventWrite, {0x1bu | 3u << 8, low(kData), high(kData)}))));
    EXPECT_EQ(qword(kData), 7u);
}

TEST_F(Pm4Test, AFlushSaysThatStreamoutHasBeenUpdated) {
    constexpr uint32_t kControl = 0x300fc / 4;  // CP_STRMOUT_CNTL
    ASSERT_TRUE(
        is_done(run(pkt3(kWriteData, {0, kControl, 0, 0}) + pkt3(kEventWrite, {0x1f}) +
                    pkt3(kWaitRegMem, {3, kControl, 0, 1, 1, 4}) + write_data(kData, {5}))));
    EXPECT_EQ(dword(kData), 5u);
}

constexpr uint32_t kStoreFilled = 1, kFromPacket = 0, kFromMemory = 2u << 1, kNoSource = 3u << 1,
                   kInBytes = 1u << 7;
constexpr uint32_t buffer(uint32_t number) {
    return number << 8;
}

TEST_F(Pm4Test, FilledSizesAreSetAndStored) {
    memory_.put(kData + 16, uint32_t{40});
    ASSERT_TRUE(is_done(
        run(pkt3(kStrmoutBufferUpdate, {buffer(2) | kInBytes | kFromPacket, 0, 0, 7, 0}) +
            pkt3(kStrmoutBufferUpdate,
                 {buffer(1) | kInBytes | kFromMemory, 0, 0, low(kData + 16), high(kData)}) +
            pkt3(kStrmoutBufferUpdate,
                 {buffer(2) | kInBytes | kNoSource | kStoreFilled, low(kData), high(kData), 0, 0}) +
            pkt3(kStrmoutBufferUpdate,
                 {buffer(1) | kNoSource | kStoreFilled, low(kData + 4), high(kData), 0, 0}))));
    EXPECT_EQ(dword(kData), 28u) << "a packet sets dwords, memory has bytes";
    EXPECT_EQ(dword(kData + 4), 10u) << "without DATA_TYPE memory has dwords";
}

TEST_F(Pm4Test, FlushEventsTouchNothing) {
    EXPECT_TRUE(is_done(run(pkt3(kEventWrite, {7 | 4u << 8}) +
                            pkt3(kEventWrite, {0x2e, low(kNowhere), high(kNowhere)}))));
}

constexpr uint32_t kInMemory = 1u << 4;

struct WaitRow {
    uint32_t function;
    uint32_t value, reference;
    bool passes;
};
class Wait : public Pm4Test, public testing::WithParamInterface<WaitRow> {
  protected:
    void expect(const JobOutcome& outcome) {
        if (GetParam().passes)
            EXPECT_TRUE(is_done(outcome));
        else
            EXPECT_EQ(outcome.kind, JobOutcome::Kind::kHang);
    }
};

TEST_P(Wait, OnMemoryThroughTheMask) {
    const WaitRow& row = GetParam();
    memory_.put(kData, row.value | 0xff00u);
    deadline_ns_ = row.passes ? deadline_ns_ : 1;
    expect(run(pkt3(kWaitRegMem,
                    {row.function | kInMemory, low(kData), high(kData), row.reference, 0xff, 4})));
}

TEST_P(Wait, OnARegister) {
    const WaitRow& row = GetParam();
    deadline_ns_ = row.passes ? deadline_ns_ : monotonic_in(std::chrono::milliseconds(1));
    expect(run(pkt3(kSetUconfigReg, {0x100, row.value}) +
               pkt3(kWaitRegMem, {row.function, 0xc100, 0, row.reference, 0xff, 4})));
}

TEST_P(Wait, On64Bits) {
    const WaitRow& row = GetParam();
    memory_.put(kData, uint64_t{row.value} << 32);
    deadline_ns_ = row.passes ? deadline_ns_ : 1;
    expect(run(pkt3(kWaitRegMem64, {row.function | kInMemory, low(kData), high(kData), 0,
                                    row.reference, 0, 0xff, 4})));
}

INSTANTIATE_TEST_SUITE_P(Functions, Wait,
                         testing::Values(WaitRow{0, 1, 9, true}, WaitRow{1, 4, 5, true},
                                         WaitRow{1, 5, 5, false}, WaitRow{2, 5, 5, true},
                                         WaitRow{2, 6, 5, false}, WaitRow{3, 5, 5, true},
                                         WaitRow{3, 4, 5, false}, WaitRow{4, 4, 5, true},
                                         WaitRow{4, 5, 5, false}, WaitRow{5, 5, 5, true},
                                         WaitRow{5, 4, 5, false}, WaitRow{6, 6, 5, true},
                                         WaitRow{6, 5, 5, false}, WaitRow{7, 0, 1, true}));

TEST_F(Pm4Test, WaitEndsWhenAnotherThreadWrites) {
    const Dwords wait =
        pkt3(kWaitRegMem, {3 | kInMemory, low(kData), high(kData), 1, UINT32_MAX, 4});
    auto* flag = reinterpret_cast<uint32_t*>(memory_.bytes(kData));
    std::jthread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        std::atomic_ref(*flag).store(1);
    });
    EXPECT_TRUE(is_done(run(wait + write_data(kData + 4, {2}))));
    EXPECT_EQ(dword(kData + 4), 2u);
}

TEST_F(Pm4Test, WaitEndsWhenToldToStop) {
    std::jthread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        stop_ = true;
    });
    const JobOutcome outcome =
        run(pkt3(kWaitRegMem, {3 | kInMemory, low(kData), high(kData), 1, UINT32_MAX, 4}));
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kStopped);
}

TEST_F(Pm4Test, HangNamesTheWait) {
    deadline_ns_ = monotonic_in(std::chrono::milliseconds(2));
    const JobOutcome outcome =
        run(pkt3(kWaitRegMem, {3 | kInMemory, low(kData), high(kData), 1, UINT32_MAX, 4}));
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kHang);
    EXPECT_NE(outcome.report.find("WAIT_REG_MEM"), std::string::npos) << outcome.report;
}

TEST_F(Pm4Test, WaitOnUnmappedMemoryFaults) {
    const JobOutcome outcome =
        run(pkt3(kWaitRegMem, {3 | kInMemory, low(kNowhere), high(kNowhere), 1, 1, 4}));
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kFault);
    EXPECT_EQ(outcome.fault_va, kNowhere);
}

TEST_F(Pm4Test, CompareSwapLoopWaits) {
    auto* lock = reinterpret_cast<uint32_t*>(memory_.bytes(kData));
    *lock = 5;
    std::jthread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        std::atomic_ref(*lock).store(0);
    });
    EXPECT_TRUE(
        is_done(run(pkt3(kAtomicMem, {8 | 1u << 8, low(kData), high(kData), 7, 0, 0, 0, 16}))));
    EXPECT_EQ(dword(kData), 7u);
}

TEST_F(Pm4Test, CondWriteWritesOnlyIfTrue) {
    memory_.put(kData, 5u);
    const auto cond_write = [](uint32_t reference, uint64_t target) {
        return pkt3(kCondWrite, {3 | 1u << 4 | 1u << 8, low(kData), high(kData), reference,
                                 UINT32_MAX, low(target), high(target), 77});
    };
    ASSERT_TRUE(is_done(run(cond_write(5, kData + 8) + cond_write(6, kData + 12))));
    EXPECT_EQ(dword(kData + 8), 77u);
    EXPECT_EQ(dword(kData + 12), 0u);
}

}  // namespace
}  // namespace simgpu
