#include "display/wayland/format_table.h"

#include <drm_fourcc.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace viaduct::wayland {
namespace {

constexpr uint32_t kX = DRM_FORMAT_XRGB8888;
constexpr uint64_t kTiled = fourcc_mod_code(AMD, 1);

TEST(FormatTable, NamesTheModifierToAnnounce) {
    const FormatTable table(1, {{1, false, {{kX, DRM_FORMAT_MOD_INVALID}}}});
    EXPECT_EQ(table.modifier_for(kX, DRM_FORMAT_MOD_INVALID), DRM_FORMAT_MOD_INVALID);
    EXPECT_EQ(table.modifier_for(kX, DRM_FORMAT_MOD_LINEAR), DRM_FORMAT_MOD_INVALID);
    EXPECT_FALSE(table.modifier_for(kX, kTiled));
    EXPECT_FALSE(table.modifier_for(DRM_FORMAT_NV12, DRM_FORMAT_MOD_INVALID));
    const FormatTable linear(1, {{1, false, {{kX, DRM_FORMAT_MOD_LINEAR}}}});
    EXPECT_FALSE(linear.modifier_for(kX, DRM_FORMAT_MOD_INVALID))
        << "an unknown layout may be tiled";
    EXPECT_EQ(linear.modifier_for(kX, DRM_FORMAT_MOD_LINEAR), uint64_t{DRM_FORMAT_MOD_LINEAR});
    EXPECT_TRUE(FormatTable().empty());
}

TEST(FormatTable, KnowsWhatMayBeScannedOut) {
    const FormatTable table(1, {{2, true, {{kX, kTiled}}}, {1, false, {{kX, 0}, {kX, kTiled}}}});
    EXPECT_TRUE(table.scanout(kX, kTiled));
    EXPECT_FALSE(table.scanout(kX, 0));
    EXPECT_TRUE(table.has(kX, 0));
    EXPECT_EQ(table.main_device(), dev_t{1});
    EXPECT_EQ(table.modifiers_of(kX), (std::vector<uint64_t>{kTiled, 0}))
        << "each once, those of the first tranche first";
    EXPECT_TRUE(table.modifiers_of(DRM_FORMAT_NV12).empty());
}

TEST(FormatRows, AreReadAndPicked) {
    std::array<std::byte, 48> bytes{};
    const uint64_t modifiers[] = {0, kTiled, DRM_FORMAT_MOD_INVALID};
    for (size_t i = 0; i < 3; ++i) {
        std::memcpy(&bytes[i * 16], &kX, 4);
        std::memcpy(&bytes[i * 16 + 8], &modifiers[i], 8);
    }
    const auto rows = read_format_rows(bytes).value();
    ASSERT_EQ(rows.size(), 3U);
    EXPECT_EQ(rows[1], (FormatPair{kX, kTiled}));
    const std::array<uint16_t, 2> indices = {2, 0};
    EXPECT_EQ(pick_rows(rows, indices).value(),
              (std::vector<FormatPair>{{kX, DRM_FORMAT_MOD_INVALID}, {kX, 0}}));
    const std::array<uint16_t, 1> beyond = {3};
    EXPECT_EQ(pick_rows(rows, beyond).error().code, EINVAL);
    EXPECT_EQ(read_format_rows(std::span(bytes).first(47)).error().code, EINVAL);
    EXPECT_TRUE(read_format_rows({}).value().empty());
}

}  // namespace
}  // namespace viaduct::wayland
