#include "wire/amdgpu_rings.h"

#include <gtest/gtest.h>

namespace viaduct::wire::amdgpu {
namespace {

TEST(RingNumbering, CountsOverTheTypesThatHaveRings) {
    // gfx 1, compute 4, dma 2, none, and one decoder.
    const RingNumbering numbering({1, 0xf, 3, 0, 0, 0, 1, 0, 0, 0});
    EXPECT_EQ(numbering.count(), 8u);
    EXPECT_EQ(numbering.find(0, 0), 1u);
    EXPECT_EQ(numbering.find(1, 0), 2u);
    EXPECT_EQ(numbering.find(1, 3), 5u);
    EXPECT_EQ(numbering.find(2, 1), 7u);
    EXPECT_EQ(numbering.find(6, 0), 8u);
    for (uint32_t number = 1; number <= numbering.count(); ++number) {
        const auto hardware = numbering.hardware(number);
        EXPECT_EQ(numbering.find(hardware.ip_type, hardware.ring), number);
    }
    EXPECT_FALSE(numbering.find(0, 1));
    EXPECT_FALSE(numbering.find(3, 0));
    EXPECT_FALSE(numbering.find(10, 0));
    EXPECT_FALSE(numbering.find(~0u, 0));
}

// CONTEXT_INIT allows 64 rings, one of which is the CPU's.
TEST(RingNumbering, EndsWithTheProtocolsRings) {
    const RingNumbering numbering({~0u, ~0u, ~0u, 1});
    EXPECT_EQ(numbering.count(), 63u);
    EXPECT_EQ(numbering.find(1, 30), 63u);
    EXPECT_FALSE(numbering.find(1, 31));
    EXPECT_FALSE(numbering.find(2, 0));
    EXPECT_FALSE(numbering.find(3, 0));
    EXPECT_EQ(numbering.hardware(63).ring, 30u);
}

}  // namespace
}  // namespace viaduct::wire::amdgpu
