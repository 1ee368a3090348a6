#include "drm-context/context/control_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "blob/memfd.h"
#include "drm-context/transport/control_memory.h"
#include "wire/ccmd.h"

namespace viaduct {
namespace {

constexpr uint32_t kAreaOffset = 88 + sizeof(wire::GuestRing) + sizeof(wire::FinishedWork);
constexpr uint32_t kSize = 0x4000;

class ControlBufferTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const auto memory = transport::create_control_memory(kSize, kAreaOffset);
        ASSERT_TRUE(memory);
        ASSERT_TRUE(control_.adopt(*memory, kAreaOffset));
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

TEST(ControlBuffer, RefusesMemoryThatCannotHoldTheDriversFields) {
    const auto small = create_sealed_memfd("small", kAreaOffset - 1);
    ASSERT_TRUE(small);
    EXPECT_EQ(ControlBuffer().adopt(*small, kAreaOffset).error().code, EINVAL);
    EXPECT_FALSE(ControlBuffer().adopt(UniqueFd(), kAreaOffset));
    const auto memory = transport::create_control_memory(kSize, kAreaOffset);
    ASSERT_TRUE(memory);
    EXPECT_EQ(ControlBuffer().adopt(*memory, wire::kLeastAreaOffset - 8).error().code, EINVAL);
}

TEST_F(ControlBufferTest, ASecondOneLeavesTheFirst) {
    const auto second = transport::create_control_memory(kSize, kAreaOffset);
    ASSERT_TRUE(second);
    EXPECT_FALSE(control_.adopt(*second, kAreaOffset));
    control_.publish_seqno(7);
    EXPECT_EQ(*guest_word(0), 7u);
}

TEST_F(ControlBufferTest, TellsWhereTheResponsesBegin) {
    EXPECT_EQ(*guest_word(4), kAreaOffset);
}

TEST_F(ControlBufferTest, WritesNoMoreThanTheGuestKeptRoomFor) {
    const auto bytes = response(40);
    for (const uint32_t room : {0u, 1u, 3u, 4u, 7u, 8u, 33u, 40u, 41u, 0xffffffffu}) {
        std::memset(guest_.data() + kAreaOffset, 0xee, 64);
        *guest_word(kAreaOffset + 8) = room;
        control_.write_response(8, bytes);
        const uint32_t written = room < 4 ? 0 : std::min(room, 40u);
        if (written > 0) {
            EXPECT_EQ(*guest_word(kAreaOffset + 8), written);
        }
        for (uint32_t i = 4; i < 50; ++i) {
            const std::byte expected = i < written ? bytes[i] : std::byte{0xee};
            EXPECT_EQ(guest_.data()[kAreaOffset + 8 + i], expected)
                << "room " << room << " at " << i;
        }
    }
}

TEST_F(ControlBufferTest, WritesNothingOutsideTheArea) {
    const uint32_t area = kSize - kAreaOffset;
    EXPECT_EQ(control_.area_size(), area);
    std::memset(guest_.data() + kAreaOffset, 0xff, area);
    const auto bytes = response(16);
    for (const uint32_t offset : {area, area - 4, area - 8, area - 12, 0xfffffff8u, 0xfffffffcu})
        control_.write_response(offset, bytes);
    for (uint32_t i = 0; i < area; ++i) ASSERT_EQ(guest_.data()[kAreaOffset + i], std::byte{0xff});
    control_.write_response(area - 16, bytes);
    EXPECT_EQ(*guest_word(kSize - 16), 16u);
}

TEST_F(ControlBufferTest, AGuestThatScribblesChangesNothing) {
    std::memset(guest_.data(), 0xff, kSize);
    *guest_word(kAreaOffset) = 8;
    control_.write_response(0, response(8));
    EXPECT_EQ(*guest_word(kAreaOffset), 8u);
    control_.publish_seqno(3);
    EXPECT_EQ(*guest_word(0), 3u);
}

TEST_F(ControlBufferTest, ShowsFinishedWorkInFrontOfTheArea) {
    const uint32_t first =
        kAreaOffset - sizeof(wire::FinishedWork) + offsetof(wire::FinishedWork, requests);
    std::memset(guest_.data() + kAreaOffset, 0xee, 8);
    control_.publish_finished(RingIndex(0), 5);
    control_.publish_finished(RingIndex(63), 0xfffffff0);
    control_.publish_finished(RingIndex(64), 9);  // no such ring
    control_.publish_finished(RingIndex(UINT32_MAX), 9);
    EXPECT_EQ(*guest_word(first), 5u);
    EXPECT_EQ(*guest_word(first + 4), 0u);
    EXPECT_EQ(*guest_word(first + 63 * 4), 0xfffffff0u);
    EXPECT_EQ(*guest_word(first + 64 * 4), 0u) << "what the guest writes";
    EXPECT_EQ(*guest_word(kAreaOffset), 0xeeeeeeeeu);
    ControlBuffer().publish_finished(RingIndex(0), 1);  // before there is one
}

TEST_F(ControlBufferTest, KnowsWhatTheGuestLooksFor) {
    const uint32_t first =
        kAreaOffset - sizeof(wire::FinishedWork) + offsetof(wire::FinishedWork, looked_for);
    EXPECT_FALSE(control_.is_looked_for(RingIndex(2), 1));
    *guest_word(first + 2 * 4) = 7;
    EXPECT_TRUE(control_.is_looked_for(RingIndex(2), 6));
    EXPECT_TRUE(control_.is_looked_for(RingIndex(2), 7));
    EXPECT_FALSE(control_.is_looked_for(RingIndex(2), 8)) << "a later request";
    EXPECT_FALSE(control_.is_looked_for(RingIndex(3), 7)) << "another ring";
    *guest_word(first + 2 * 4) = 3;
    EXPECT_TRUE(control_.is_looked_for(RingIndex(2), 0xfffffff0)) << "before the numbers wrapped";
    for (const uint32_t ring : {64u, UINT32_MAX})
        EXPECT_FALSE(control_.is_looked_for(RingIndex(ring), 0));
    EXPECT_FALSE(ControlBuffer().is_looked_for(RingIndex(2), 1));
}

TEST_F(ControlBufferTest, KnowsWhatItPublishedLast) {
    EXPECT_EQ(control_.published(), 0u);
    control_.publish_seqno(7);
    *guest_word(0) = 99;  // by the guest
    EXPECT_EQ(control_.published(), 7u);
}

TEST_F(ControlBufferTest, TheLengthIsReadOnce) {
    std::atomic<bool> stop = false;
    std::thread flipper([&] {
        std::atomic_ref length(*guest_word(kAreaOffset));
        for (uint32_t i = 0; !stop; ++i) length.store(i % 2 ? 0xffffffffu : 8u);
    });
    const auto bytes = response(24);
    std::memset(guest_.data() + kAreaOffset + 24, 0xee, 8);
    for (int i = 0; i < 20000; ++i) control_.write_response(0, bytes);
    stop = true;
    flipper.join();
    EXPECT_EQ(*guest_word(kAreaOffset + 24), 0xeeeeeeeeu);
}

}  // namespace
}  // namespace viaduct
