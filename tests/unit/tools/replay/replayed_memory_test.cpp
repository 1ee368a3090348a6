#include "tools/replay/replayed_memory.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string_view>

namespace viaduct::replay {

namespace {

using recording::Found;

class ReplayedMemoryTest : public ::testing::Test {
  protected:
    static std::span<const std::byte> bytes(std::string_view text) {
        return std::as_bytes(std::span(text));
    }
    void gpu_writes(size_t offset, std::string_view text) {
        std::memcpy(actual.data() + offset, text.data(), text.size());
    }
    std::string_view at(size_t offset, size_t size) const {
        return {reinterpret_cast<const char*>(actual.data()) + offset, size};
    }

    std::array<std::byte, 12288> actual{};
    ReplayedMemory memory = *ReplayedMemory::create(actual);
};

TEST_F(ReplayedMemoryTest, WritesWhatTheProcessorWrote) {
    gpu_writes(100, "x");
    EXPECT_FALSE(memory.apply(100, bytes("input"), Found::kBeforeSubmission));
    EXPECT_EQ(at(100, 5), "input");
    EXPECT_EQ(memory.unexplained(), 0u);
    EXPECT_FALSE(memory.compare());
}

TEST_F(ReplayedMemoryTest, TheSameResultIsNoDifference) {
    gpu_writes(4090, "result over pages");
    EXPECT_FALSE(memory.apply(4090, bytes("result over pages"), Found::kAfterFence));
    EXPECT_EQ(memory.unexplained(), 0u);
    EXPECT_FALSE(memory.compare());
}

TEST_F(ReplayedMemoryTest, AnotherResultIsOne) {
    gpu_writes(200, "rAsulT");
    const auto difference = memory.apply(200, bytes("result"), Found::kAfterFence);
    ASSERT_TRUE(difference);
    EXPECT_EQ(difference->offset, 201u);
    EXPECT_EQ(difference->bytes, 2u);
    EXPECT_EQ(difference->recorded, std::byte{'e'});
    EXPECT_EQ(difference->replayed, std::byte{'A'});
    // Reported once.
    EXPECT_EQ(at(200, 6), "result");
    EXPECT_FALSE(memory.apply(200, bytes("result"), Found::kAfterFence));
}

TEST_F(ReplayedMemoryTest, BytesLeftAloneAreUnexplained) {
    gpu_writes(0, "re");
    EXPECT_FALSE(memory.apply(0, bytes("result"), Found::kAfterFence));
    EXPECT_EQ(memory.unexplained(), 4u);
    EXPECT_EQ(at(0, 6), "result");
    // Nobody but the GPU can have written before the buffer was mapped.
    const auto difference = memory.apply(64, bytes("result"), Found::kWhenMapped);
    ASSERT_TRUE(difference);
    EXPECT_EQ(difference->bytes, 6u);
}

TEST_F(ReplayedMemoryTest, ComparesWhatTheRecordingNeverMentioned) {
    EXPECT_FALSE(memory.compare());
    gpu_writes(5000, "!!");
    gpu_writes(9000, "!");
    const auto difference = memory.compare();
    ASSERT_TRUE(difference);
    EXPECT_EQ(difference->offset, 5000u);
    EXPECT_EQ(difference->bytes, 3u);
}

}  // namespace

}  // namespace viaduct::replay
