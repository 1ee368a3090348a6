#include "guest-mesa/layer/amdgpu/timelines.h"

#include <gtest/gtest.h>

namespace viaduct::guest::amdgpu {
namespace {

TEST(TimelineNumberingTest, CountsOverTheTypesThatHaveRings) {
    // gfx 1, compute 4, dma 2, none, and one decoder.
    const TimelineNumbering numbering({1, 0xf, 3, 0, 0, 0, 1, 0, 0, 0});
    EXPECT_EQ(numbering.count(), 8u);
    EXPECT_EQ(numbering.find(0, 0), 1u);
    EXPECT_EQ(numbering.find(1, 0), 2u);
    EXPECT_EQ(numbering.find(1, 3), 5u);
    EXPECT_EQ(numbering.find(2, 1), 7u);
    EXPECT_EQ(numbering.find(6, 0), 8u);
    for (uint32_t timeline = 1; timeline <= numbering.count(); ++timeline) {
        const auto ring = numbering.ring_of(timeline);
        EXPECT_EQ(numbering.find(ring.type, ring.ring), timeline);
    }
    EXPECT_FALSE(numbering.find(0, 1));
    EXPECT_FALSE(numbering.find(3, 0));
    EXPECT_FALSE(numbering.find(10, 0));
    EXPECT_FALSE(numbering.find(~0u, 0));
}

}  // namespace
}  // namespace viaduct::guest::amdgpu
