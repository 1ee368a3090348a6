#include "drm-context/amdgpu/image_layout.h"

#include <drm_fourcc.h>
#include <gtest/gtest.h>

#include <cstring>

namespace viaduct::amdgpu {
namespace {

constexpr uint32_t kUnknownFamily = 130, kGfx10 = 143, kGfx12 = 152;

/// As radeonsi describes an image of 1920x1080 pixels, XRGB8888 in rows of 2048 pixels, on vega10.
drm_amdgpu_gem_metadata image() {
    drm_amdgpu_gem_metadata metadata{};
    metadata.data.data_size_bytes = 40;
    const uint32_t words[10] = {
        1,                             // the format's version
        0x1002'6860,                   // the chip
        0,                             //
        10u << 20,                     // DATA_FORMAT 8_8_8_8
        1919 | 1079 << 14,             // WIDTH, HEIGHT
        6 | 5 << 3 | 4 << 6 | 1 << 9,  // DST_SEL Z, Y, X, 1
        2047 << 13,                    // PITCH
    };
    std::memcpy(metadata.data.data, words, sizeof(words));
    return metadata;
}

TEST(AmdgpuImageLayout, IsReadFromTheDescriptor) {
    const ImageLayout layout = read_layout(image(), AMDGPU_FAMILY_AI);
    EXPECT_EQ(layout.fourcc, DRM_FORMAT_XRGB8888);
    EXPECT_EQ(layout.width, 1920u);
    EXPECT_EQ(layout.height, 1080u);
    EXPECT_EQ(layout.stride, 2048u * 4);
    EXPECT_EQ(layout.modifier, DRM_FORMAT_MOD_LINEAR);
}

TEST(AmdgpuImageLayout, OfTilesHasNoStride) {
    auto metadata = image();
    metadata.data.tiling_info = 25;  // SWIZZLE_MODE 64KB_S_X
    const ImageLayout layout = read_layout(metadata, AMDGPU_FAMILY_RV);
    EXPECT_EQ(layout.width, 1920u);
    EXPECT_EQ(layout.stride, 0u);
    EXPECT_EQ(layout.modifier, DRM_FORMAT_MOD_INVALID);
}

TEST(AmdgpuImageLayout, OfLaterChipsIsTheModifierAlone) {
    auto metadata = image();
    ImageLayout layout = read_layout(metadata, kGfx10);
    EXPECT_EQ(layout.modifier, DRM_FORMAT_MOD_LINEAR);
    EXPECT_EQ(layout.fourcc | layout.width | layout.height | layout.stride, 0u);
    metadata.data.tiling_info = 0x18;  // on GFX12 these bits are DCC's
    EXPECT_EQ(read_layout(metadata, kGfx12).modifier, DRM_FORMAT_MOD_LINEAR);
    EXPECT_EQ(read_layout(metadata, kGfx10).modifier, DRM_FORMAT_MOD_INVALID);
}

TEST(AmdgpuImageLayout, IsUnknownWithoutADescription) {
    const auto unknown = [](const drm_amdgpu_gem_metadata& metadata, uint32_t family) {
        const ImageLayout layout = read_layout(metadata, family);
        return layout.modifier == DRM_FORMAT_MOD_INVALID &&
               (layout.fourcc | layout.width | layout.height | layout.stride) == 0;
    };
    EXPECT_TRUE(unknown(drm_amdgpu_gem_metadata{}, AMDGPU_FAMILY_AI)) << "a new buffer";
    EXPECT_TRUE(unknown(image(), kUnknownFamily));
    auto metadata = image();
    metadata.data.data[0] = 2;
    EXPECT_TRUE(unknown(metadata, AMDGPU_FAMILY_AI));
    metadata = image();
    metadata.data.data_size_bytes = 36;
    EXPECT_TRUE(unknown(metadata, AMDGPU_FAMILY_AI));
    metadata = image();
    std::memset(metadata.data.data + 2, 0xff, 32);
    EXPECT_EQ(read_layout(metadata, AMDGPU_FAMILY_AI).fourcc, 0u);
    EXPECT_EQ(read_layout(metadata, AMDGPU_FAMILY_AI).stride, 0u);
}

}  // namespace
}  // namespace viaduct::amdgpu
