#include "simgpu/engine/gpu_memory.h"
#include "simgpu/clock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <vector>

#include "simgpu/engine/engine.h"
#include "tests/unit/simgpu/engine/fake_gpu_memory.h"

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

// Against a flat model: random blocks, some of them missing or read-only, random accesses.
class RandomLayout : public testing::TestWithParam<uint32_t> {
  protected:
    struct Cell {
        bool mapped = false;
        bool writable = false;
        uint8_t value = 0;
    };

    void lay_out() {
        for (uint64_t at = 0; at < cells_.size();) {
            const uint64_t size = std::min<uint64_t>(1 + random_() % 40, cells_.size() - at);
            const auto kind = random_() % 8;  // 0: a hole, 1: read-only
            if (kind != 0)
                memory_.map(kBase + at, size, kind == 1 ? Mode::kReadOnly : Mode::kReadWrite);
            for (uint64_t i = at; i < at + size; i++) cells_[i] = {kind != 0, kind > 1, 0};
            at += size;
        }
    }
    /// The first cell of [at, at + size) that forbids the access; at + size if none does.
    uint64_t first_forbidden(uint64_t at, uint64_t size, Access access) {
        uint64_t i = at;
        while (i < at + size && cells_[i].mapped && (access == Access::kRead || cells_[i].writable))
            i++;
        return i;
    }

    FakeGpuMemory memory_;
    std::vector<Cell> cells_ = std::vector<Cell>(600);
    std::mt19937 random_{GetParam()};
};

TEST_P(RandomLayout, BehavesAsOneFlatMemory) {
    lay_out();
    for (int step = 0; step < 400; step++) {
        const uint64_t at = random_() % cells_.size();
        const uint64_t size = random_() % std::min<uint64_t>(cells_.size() - at + 1, 100);
        const Access access = random_() % 2 ? Access::kRead : Access::kWrite;
        const uint64_t end = first_forbidden(at, size, access);
        std::vector<uint8_t> buffer(size);
        for (uint8_t& byte : buffer) byte = static_cast<uint8_t>(random_());
        uint64_t fault = 0;
        const bool ok = access == Access::kRead
                            ? read_gpu(memory_, kBase + at, buffer.data(), size, &fault)
                            : write_gpu(memory_, kBase + at, buffer.data(), size, &fault);
        ASSERT_EQ(ok, end == at + size);
        if (!ok) {
            ASSERT_EQ(fault, kBase + end);
        }
        // The bytes before the fault have been copied.
        for (uint64_t i = at; i < end; i++) {
            if (access == Access::kWrite) cells_[i].value = buffer[i - at];
            ASSERT_EQ(buffer[i - at], cells_[i].value);
        }
        for (uint64_t i = 0; i < cells_.size(); i++) {
            if (cells_[i].mapped) {
                ASSERT_EQ(*memory_.bytes(kBase + i), cells_[i].value);
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomLayout, testing::Range(1u, 11u));

TEST(GpuClock, RunsForward) {
    const uint64_t before = gpu_clock();
    EXPECT_GT(before, 0u);
    EXPECT_GE(gpu_clock(), before);
}

}  // namespace
}  // namespace simgpu
