// Transform feedback: whole primitives in all buffers of their stream, or in none; and the counts.
#include <gtest/gtest.h>

#include <map>

#include "simgpu/amd/gfx9/draw/stream_output.h"

namespace simgpu::gfx9::draw {
namespace {

constexpr uint32_t kConfig = 0x28b94, kBuffers = 0x28b98;
constexpr uint32_t size_of(uint32_t buffer) {
    return 0x28ad0 + 16 * buffer;
}
constexpr uint32_t stride_of(uint32_t buffer) {
    return 0x28ad4 + 16 * buffer;
}

class Streamout : public testing::Test {
  protected:
    StreamOutput unit() {
        return StreamOutput([this](uint32_t byte) { return registers_[byte]; }, buffers_,
                            counters_);
    }
    std::map<uint32_t, uint32_t> registers_;
    StreamoutBuffers buffers_;
    PipelineCounters counters_;
};

TEST_F(Streamout, WritesOnlyWholePrimitives) {
    registers_ = {{kConfig, 1}, {kBuffers, 1}, {size_of(0), 50}, {stride_of(0), 4}};
    buffers_.filled[0] = 10;
    // 40 dwords are 10 vertices: three triangles of 12 dwords each.
    const StreamOutput::Wave first = unit().reserve(0, 2, 3);
    EXPECT_EQ(first.vertices, 6u);
    EXPECT_EQ(first.offset[0], 10u);
    const StreamOutput::Wave second = unit().reserve(0, 2, 3);
    EXPECT_EQ(second.vertices, 3u);
    EXPECT_EQ(second.offset[0], 34u);
    EXPECT_EQ(buffers_.filled[0], 46u);
    EXPECT_EQ(counters_.streams[0].written, 3u);
    EXPECT_EQ(counters_.streams[0].needed, 4u);
}

TEST_F(Streamout, TheFullestBufferDecides) {
    registers_ = {{kConfig, 1},      {kBuffers, 5},    {size_of(0), 100},
                  {stride_of(0), 1}, {size_of(2), 20}, {stride_of(2), 8}};
    EXPECT_EQ(unit().reserve(0, 5, 1).vertices, 2u);
    EXPECT_EQ(buffers_.filled[0], 2u);
    EXPECT_EQ(buffers_.filled[1], 0u);
    EXPECT_EQ(buffers_.filled[2], 16u);
}

// Drivers zero the size of a buffer that is no longer theirs, so that nothing counts as written.
TEST_F(Streamout, WithoutASizeThereIsNoBuffer) {
    registers_ = {{kConfig, 1}, {kBuffers, 1}};
    EXPECT_EQ(unit().reserve(0, 3, 1).vertices, 0u);
    EXPECT_EQ(counters_.streams[0].written, 0u);
    EXPECT_EQ(counters_.streams[0].needed, 3u);
}

TEST_F(Streamout, FilledPastItsEndIsFull) {
    registers_ = {{kConfig, 1}, {kBuffers, 1}, {size_of(0), 8}, {stride_of(0), 1}};
    buffers_.filled[0] = 9;
    EXPECT_EQ(unit().reserve(0, 1, 1).vertices, 0u);
    EXPECT_EQ(buffers_.filled[0], 9u);
}

TEST_F(Streamout, StreamsHaveTheirOwnBuffersAndCounts) {
    registers_ = {{kConfig, 1u << 2}, {kBuffers, 2u << 8 | 1}, {size_of(1), 99}, {stride_of(1), 1}};
    EXPECT_EQ(unit().reserve(2, 4, 1).vertices, 4u);
    EXPECT_EQ(counters_.streams[2].written, 4u);
    EXPECT_EQ(unit().reserve(0, 4, 1).vertices, 0u) << "the stream is not enabled";
    EXPECT_EQ(counters_.streams[0].needed, 0u);
    EXPECT_TRUE(unit().rasterises(0));
    EXPECT_FALSE(unit().rasterises(2));
    registers_[kConfig] = 1u << 31 | 6u << 8;
    EXPECT_TRUE(unit().rasterises(1));
    EXPECT_TRUE(unit().rasterises(2));
    EXPECT_FALSE(unit().rasterises(0));
}

}  // namespace
}  // namespace simgpu::gfx9::draw
