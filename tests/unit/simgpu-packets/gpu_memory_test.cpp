#include "simgpu/engine/gpu_memory.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

#include "simgpu/engine/engine.h"
#include "tests/unit/simgpu-packets/fake_gpu_memory.h"

namespace simgpu {
namespace {

constexpr uint64_t kBase = 0x1'0000'0000;

TEST(GpuMemoryCopy, CrossesMappingBorders) {
    FakeGpuMemory memory;
    memory.map(kBase, 5);
    memory.map(kBase + 5, 3);
    memory.map(kBase + 8, 16);
    std::array<uint8_t, 20> out{};
    for (size_t i = 0; i < out.size(); i++) out[i] = static_cast<uint8_t>(i + 1);
    uint64_t fault = 0;
    ASSERT_TRUE(write_gpu(memory, kBase + 2, out.data(), out.size(), &fault));
    std::array<uint8_t, 20> in{};
    ASSERT_TRUE(read_gpu(memory, kBase + 2, in.data(), in.size(), &fault));
    EXPECT_EQ(in, out);
    EXPECT_EQ(memory.bytes(kBase + 5)[0], 4);
}

TEST(GpuMemoryCopy, ReportsTheFirstUnmappedAddress) {
    FakeGpuMemory memory;
    memory.map(kBase, 8);
    std::array<uint8_t, 16> buffer{};
    uint64_t fault = 0;
    EXPECT_FALSE(read_gpu(memory, kBase + 4, buffer.data(), buffer.size(), &fault));
    EXPECT_EQ(fault, kBase + 8);
    EXPECT_FALSE(write_gpu(memory, kBase - 1, buffer.data(), buffer.size(), nullptr));
}

TEST(GpuMemoryCopy, HonoursReadOnlyMappings) {
    FakeGpuMemory memory;
    memory.map(kBase, 8, Mode::kReadOnly);
    uint32_t value = 0;
    uint64_t fault = 0;
    EXPECT_TRUE(read_gpu(memory, kBase, &value, 4, &fault));
    EXPECT_FALSE(write_gpu(memory, kBase, &value, 4, &fault));
    EXPECT_EQ(fault, kBase);
}

TEST(GpuMemoryCopy, NothingToCopyNeverFaults) {
    FakeGpuMemory memory;
    EXPECT_TRUE(read_gpu(memory, kBase, nullptr, 0, nullptr));
    EXPECT_TRUE(write_gpu(memory, kBase, nullptr, 0, nullptr));
}

TEST(GpuClock, RunsForward) {
    const uint64_t before = gpu_clock();
    EXPECT_GT(before, 0u);
    EXPECT_GE(gpu_clock(), before);
}

}  // namespace
}  // namespace simgpu
