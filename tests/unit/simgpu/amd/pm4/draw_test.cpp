// Draw packets: what they make of their operands, of registers and of indirect arguments.
#include <gtest/gtest.h>

#include "tests/unit/simgpu/amd/pm4/pm4_test.h"

namespace simgpu {
namespace {

constexpr uint8_t kClearState = 0x12, kIndexBufferSize = 0x13, kDrawIndirect = 0x24,
                  kDrawIndexIndirect = 0x25, kIndexBase = 0x26, kDrawIndex2 = 0x27,
                  kIndexType = 0x2a, kDrawIndirectMulti = 0x2c, kNumInstances = 0x2f,
                  kDrawIndexOffset2 = 0x35;
constexpr uint32_t kAutoIndex = 2, kDma = 0;  // VGT_DRAW_INITIATOR.SOURCE_SELECT
// SPI_SHADER_USER_DATA_VS_2 to _4, counted from the start of the SH window.
constexpr uint32_t kVertexOffset = 0x4e, kFirstInstance = 0x4f, kDrawNumber = 0x50;

/// Draws are recorded with the values that their shader would read.
class DrawPackets : public EngineTest {
  protected:
    struct Recorded {
        gfx9::draw::Draw draw;
        uint32_t vertex_offset, first_instance, draw_number, screen_corner;
    };
    JobOutcome run(const Dwords& commands) { return EngineTest::run(engine_, commands); }
    JobOutcome record(const gfx9::draw::Draw& draw, gfx9::draw::PipelineCounters& counters) {
        const auto user_data = [&](uint32_t place) { return draw.registers((0x2c00 + place) * 4); };
        draws_.push_back({draw, user_data(kVertexOffset), user_data(kFirstInstance),
                          user_data(kDrawNumber), draw.registers(0x28034)});
        counters.samples_passed += samples_;
        counters.streams = streams_;
        return outcome_;
    }

    std::vector<Recorded> draws_;
    uint64_t samples_ = 0;
    decltype(gfx9::draw::PipelineCounters::streams) streams_{};
    JobOutcome outcome_;
    pm4::Pm4Engine engine_{
        Pm4Options{.render_backends = 2, .gb_addr_config = 0x26010042},
        [](const gfx9::Dispatch&, JobEnvironment&, EngineCounters&) { return JobOutcome{}; },
        [this](const gfx9::draw::Draw& draw, JobEnvironment&, EngineCounters&,
               gfx9::draw::PipelineCounters& counters) { return record(draw, counters); }};
};

TEST_F(DrawPackets, AutoIndexCountsFromZero) {
    ASSERT_TRUE(is_done(run(pkt3(kNumInstances, {7}) + pkt3(kDrawIndexAuto, {36, kAutoIndex}))));
    ASSERT_EQ(draws_.size(), 1u);
    EXPECT_EQ(draws_[0].draw.count, 36u);
    EXPECT_EQ(draws_[0].draw.instances, 7u);
    EXPECT_EQ(draws_[0].draw.index_bytes, 0u);
    EXPECT_EQ(draws_[0].draw.addresses.pipe_bits, 2u);
}

// VGT_STRMOUT_DRAW_OPAQUE_*: the filled size comes from memory, as drivers load it.
TEST_F(DrawPackets, OpaqueDrawsHaveAsManyVerticesAsWereWritten) {
    constexpr uint8_t kLoadContextRegIndex = 0x9f;
    constexpr uint32_t kOffset = 0x2ca, kFilled = 0x2cb, kStride = 0x2cc, kOpaque = 1u << 6;
    const auto draw = [&](uint32_t filled, uint32_t offset, uint32_t stride) {
        draws_.clear();
        memory_.put(kData, filled);
        EXPECT_TRUE(is_done(run(pkt3(kNumInstances, {1}) + pkt3(kSetContextReg, {kOffset, offset}) +
                                pkt3(kSetContextReg, {kStride, stride}) +
                                pkt3(kLoadContextRegIndex, {low(kData), high(kData), kFilled, 1}) +
                                pkt3(kDrawIndexAuto, {99, kAutoIndex | kOpaque}))));
        return draws_.empty() ? 0 : draws_[0].draw.count;
    };
    EXPECT_EQ(draw(100, 4, 12), 8u);
    EXPECT_EQ(draw(100, 104, 12), 0u);
    EXPECT_EQ(draw(100, 0, 0), 0u) << "nothing is divided by 0";
}

TEST_F(DrawPackets, EachStreamHasItsStatistics) {
    constexpr uint8_t kEvent = 0x46;
    streams_ = {{{11, 12}, {21, 22}, {31, 32}, {41, 42}}};
    ASSERT_TRUE(is_done(run(pkt3(kNumInstances, {1}) + pkt3(kDrawIndexAuto, {3, kAutoIndex}))));
    for (const auto& [event, written] : {std::pair{0x20u, 11u}, {1u, 21u}, {2u, 31u}, {3u, 41u}}) {
        ASSERT_TRUE(is_done(run(pkt3(kEvent, {event | 3u << 8, low(kData), high(kData)}))));
        EXPECT_EQ(qword(kData), uint64_t{1} << 63 | (written + 1)) << "needed";
        EXPECT_EQ(qword(kData + 8), uint64_t{1} << 63 | written);
    }
}

TEST_F(DrawPackets, IndexTypesHaveTheirSizes) {
    for (const auto& [type, bytes] : {std::pair{0u, 2u}, {1u, 4u}, {2u, 1u}}) {
        draws_.clear();
        ASSERT_TRUE(is_done(run(pkt3(kNumInstances, {1}) + pkt3(kIndexType, {type}) +
                                pkt3(kDrawIndex2, {100, low(kData), high(kData), 6, kDma}))));
        ASSERT_EQ(draws_.size(), 1u);
        EXPECT_EQ(draws_[0].draw.index_bytes, bytes);
        EXPECT_EQ(draws_[0].draw.index_va, kData);
        EXPECT_EQ(draws_[0].draw.indices_available, 100u);
        EXPECT_EQ(draws_[0].draw.count, 6u);
    }
}

TEST_F(DrawPackets, OffsetsCountFromTheIndexBase) {
    ASSERT_TRUE(is_done(run(pkt3(kNumInstances, {1}) + pkt3(kIndexType, {1}) +
                            pkt3(kIndexBase, {low(kData), high(kData)}) +
                            pkt3(kDrawIndexOffset2, {10, 4, 9, kDma}))));
    ASSERT_EQ(draws_.size(), 1u);
    EXPECT_EQ(draws_[0].draw.index_va, kData + 16);
    EXPECT_EQ(draws_[0].draw.indices_available, 6u);
    EXPECT_EQ(draws_[0].draw.count, 9u);
}

TEST_F(DrawPackets, NothingIsDrawnOfNothing) {
    ASSERT_TRUE(is_done(run(pkt3(kNumInstances, {0}) + pkt3(kDrawIndexAuto, {3, kAutoIndex}) +
                            pkt3(kNumInstances, {1}) + pkt3(kDrawIndexAuto, {0, kAutoIndex}))));
    EXPECT_TRUE(draws_.empty());
}

TEST_F(DrawPackets, IndirectArgumentsReachTheShader) {
    const Dwords arguments = {24, 3, 5, 11};  // vertices, instances, first vertex, first instance
    ASSERT_TRUE(is_done(run(write_data(kData + 64, arguments) +
                            pkt3(kSetBase, {1, low(kData), high(kData)}) +
                            pkt3(kDrawIndirect, {64, kVertexOffset, kFirstInstance, kAutoIndex}))));
    ASSERT_EQ(draws_.size(), 1u);
    EXPECT_EQ(draws_[0].draw.count, 24u);
    EXPECT_EQ(draws_[0].draw.instances, 3u);
    EXPECT_EQ(draws_[0].vertex_offset, 5u);
    EXPECT_EQ(draws_[0].first_instance, 11u);
}

TEST_F(DrawPackets, IndexedIndirectDrawsStartInsideOfTheBuffer) {
    // Indices, instances, first index, vertex offset, first instance.
    const Dwords arguments = {12, 1, 4, 100, 2};
    ASSERT_TRUE(
        is_done(run(write_data(kData, arguments) + pkt3(kSetBase, {1, low(kData), high(kData)}) +
                    pkt3(kIndexType, {0}) + pkt3(kIndexBase, {low(kData), high(kData)}) +
                    pkt3(kIndexBufferSize, {50}) +
                    pkt3(kDrawIndexIndirect, {0, kVertexOffset, kFirstInstance, kDma}))));
    ASSERT_EQ(draws_.size(), 1u);
    EXPECT_EQ(draws_[0].draw.index_va, kData + 8);
    EXPECT_EQ(draws_[0].draw.indices_available, 46u);
    EXPECT_EQ(draws_[0].vertex_offset, 100u);
    EXPECT_EQ(draws_[0].first_instance, 2u);
}

TEST_F(DrawPackets, ManyIndirectDrawsAreCountedInMemory) {
    constexpr uint32_t kCountIndirect = 1u << 30, kNumberEnabled = 1u << 31, kStride = 32;
    ASSERT_TRUE(is_done(
        run(write_data(kData, {3, 1, 0, 0}) + write_data(kData + kStride, {6, 1, 10, 0}) +
            write_data(kData + 256, {2}) + pkt3(kSetBase, {1, low(kData), high(kData)}) +
            pkt3(kDrawIndirectMulti,
                 {0, kVertexOffset, kFirstInstance, kDrawNumber | kCountIndirect | kNumberEnabled,
                  5, low(kData + 256), high(kData + 256), kStride, kAutoIndex}))));
    ASSERT_EQ(draws_.size(), 2u);
    EXPECT_EQ(draws_[0].draw.count, 3u);
    EXPECT_EQ(draws_[0].draw_number, 0u);
    EXPECT_EQ(draws_[1].draw.count, 6u);
    EXPECT_EQ(draws_[1].vertex_offset, 10u);
    EXPECT_EQ(draws_[1].draw_number, 1u);
}

TEST_F(DrawPackets, ClearStateOpensTheScissors) {
    ASSERT_TRUE(is_done(run(pkt3(kClearState, {0}) + pkt3(kNumInstances, {1}) +
                            pkt3(kDrawIndexAuto, {3, kAutoIndex}))));
    ASSERT_EQ(draws_.size(), 1u);
    EXPECT_EQ(draws_[0].screen_corner, 0x40004000u);
}

TEST_F(DrawPackets, SamplesReachTheQuery) {
    constexpr uint32_t kZpassDone = 0x15 | 1u << 8;
    constexpr uint64_t kValid = uint64_t{1} << 63;
    samples_ = 1000;
    ASSERT_TRUE(is_done(run(pkt3(kNumInstances, {1}) +
                            pkt3(kEventWrite, {kZpassDone, low(kData), high(kData)}) +
                            pkt3(kDrawIndexAuto, {3, kAutoIndex}) +
                            pkt3(kEventWrite, {kZpassDone, low(kData + 8), high(kData + 8)}))));
    EXPECT_EQ(qword(kData), kValid);
    EXPECT_EQ(qword(kData + 8), kValid | 1000);
    // The other backend's pair.
    EXPECT_EQ(qword(kData + 16), kValid);
    EXPECT_EQ(qword(kData + 24), kValid);
}

TEST_F(DrawPackets, ADrawThatFailsEndsTheJob) {
    outcome_ = {.kind = JobOutcome::Kind::kBadShader, .report = "no such thing"};
    const JobOutcome outcome = run(pkt3(kNumInstances, {1}) +
                                   pkt3(kDrawIndexAuto, {3, kAutoIndex}) + write_data(kData, {1}));
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kBadShader);
    EXPECT_TRUE(outcome.in_shader);
    EXPECT_EQ(dword(kData), 0u);
}

}  // namespace
}  // namespace simgpu
