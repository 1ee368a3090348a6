#include "drm-context/context/control_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "blob/memfd.h"
#include "drm-context/transport/control_memory.h"

namespace viaduct {
namespace {

constexpr uint32_t kDriverSize = 88;
constexpr uint32_t kSize = 0x4000;

class ControlBufferTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const auto memory = transport::create_control_memory(kSize, kDriverSize);
        ASSERT_TRUE(memory);
        ASSERT_TRUE(control_.adopt(*memory, kDriverSize));
        guest_ = *Mapping::map_shared(memory->get(), 0, kSize);
    }
    uint32_t* guest_word(uint32_t offset) {
        return reinterpret_cast<uint32_t*>(guest_.data() + offset);
    }
    ControlBuffer control_;
    Mapping guest_;
};

std::vector<std::byte> response(size_t size) {
    std::vector<std::byte> bytes(size);
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i + 1);
    return bytes;
}

TEST(ControlBuffer, RefusesMemoryThatCannotHoldTheDriversStruct) {
    const auto small = create_sealed_memfd("small", kDriverSize - 1);
    ASSERT_TRUE(small);
    EXPECT_EQ(ControlBuffer().adopt(*small, kDriverSize).error().code, EINVAL);
    EXPECT_FALSE(ControlBuffer().adopt(UniqueFd(), kDriverSize));
}

TEST_F(ControlBufferTest, ASecondOneLeavesTheFirst) {
    const auto second = transport::create_control_memory(kSize, kDriverSize);
    ASSERT_TRUE(second);
    EXPECT_FALSE(control_.adopt(*second, kDriverSize));
    control_.publish_seqno(7);
    EXPECT_EQ(*guest_word(0), 7u);
}

TEST_F(ControlBufferTest, TellsWhereTheResponsesBegin) {
    EXPECT_EQ(*guest_word(4), kDriverSize);
}

TEST_F(ControlBufferTest, WritesNoMoreThanTheGuestKeptRoomFor) {
    const auto bytes = response(40);
    for (const uint32_t room : {0u, 1u, 3u, 4u, 7u, 8u, 33u, 40u, 41u, 0xffffffffu}) {
        std::memset(guest_.data() + kDriverSize, 0xee, 64);
        *guest_word(kDriverSize + 8) = room;
        control_.write_response(8, bytes);
        const uint32_t written = room < 4 ? 0 : std::min(room, 40u);
        if (written > 0) {
            EXPECT_EQ(*guest_word(kDriverSize + 8), written);
        }
        for (uint32_t i = 4; i < 50; ++i) {
            const std::byte expected = i < written ? bytes[i] : std::byte{0xee};
            EXPECT_EQ(guest_.data()[kDriverSize + 8 + i], expected)
                << "room " << room << " at " << i;
        }
    }
}

TEST_F(ControlBufferTest, WritesNothingOutsideTheArea) {
    const uint32_t area = kSize - kDriverSize;
    EXPECT_EQ(control_.area_size(), area);
    std::memset(guest_.data() + kDriverSize, 0xff, area);
    const auto bytes = response(16);
    for (const uint32_t offset : {area, area - 4, area - 8, area - 12, 0xfffffff8u, 0xfffffffcu})
        control_.write_response(offset, bytes);
    for (uint32_t i = 0; i < area; ++i) ASSERT_EQ(guest_.data()[kDriverSize + i], std::byte{0xff});
    control_.write_response(area - 16, bytes);
    EXPECT_EQ(*guest_word(kSize - 16), 16u);
}

TEST_F(ControlBufferTest, AGuestThatScribblesChangesNothing) {
    std::memset(guest_.data(), 0xff, kSize);
    *guest_word(kDriverSize) = 8;
    control_.write_response(0, response(8));
    EXPECT_EQ(*guest_word(kDriverSize), 8u);
    control_.publish_seqno(3);
    EXPECT_EQ(*guest_word(0), 3u);
}

TEST_F(ControlBufferTest, TheLengthIsReadOnce) {
    std::atomic<bool> stop = false;
    std::thread flipper([&] {
        std::atomic_ref length(*guest_word(kDriverSize));
        for (uint32_t i = 0; !stop; ++i) length.store(i % 2 ? 0xffffffffu : 8u);
    });
    const auto bytes = response(24);
    std::memset(guest_.data() + kDriverSize + 24, 0xee, 8);
    for (int i = 0; i < 20000; ++i) control_.write_response(0, bytes);
    stop = true;
    flipper.join();
    EXPECT_EQ(*guest_word(kDriverSize + 24), 0xeeeeeeeeu);
}

}  // namespace
}  // namespace viaduct
