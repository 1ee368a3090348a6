#include "drm-context/amdgpu/image_layout.h"

#include <drm_fourcc.h>

#include <span>

namespace viaduct::amdgpu {

namespace {

// Dwords: the format's version, vendor and device of the chip, an image descriptor (T#).
constexpr size_t kVersionAt = 0, kDescriptorAt = 2, kDwords = 10;
constexpr uint32_t kVersion = 1;

constexpr uint32_t bits(uint32_t word, unsigned first, unsigned count) {
    return word >> first & ((1u << count) - 1);
}

/// Formats of pixels with 32 bits: SQ_IMG_RSRC_WORD1.DATA_FORMAT (mesa: gfx9.json), and where the
/// descriptor finds red, green, blue and alpha (SQ_SEL_*: 1 one, 4 to 7 the pixel's own).
struct PixelFormat {
    uint32_t data_format;
    uint32_t selects;  // three bits each, red lowest
    uint32_t fourcc;
};
constexpr uint32_t select(uint32_t red, uint32_t green, uint32_t blue, uint32_t alpha) {
    return red | green << 3 | blue << 6 | alpha << 9;
}
constexpr uint32_t k8888 = 10, k2101010 = 9;
constexpr PixelFormat kFormats[] = {
    {k8888, select(6, 5, 4, 7), DRM_FORMAT_ARGB8888},
    {k8888, select(6, 5, 4, 1), DRM_FORMAT_XRGB8888},
    {k8888, select(4, 5, 6, 7), DRM_FORMAT_ABGR8888},
    {k8888, select(4, 5, 6, 1), DRM_FORMAT_XBGR8888},
    {k2101010, select(6, 5, 4, 7), DRM_FORMAT_ARGB2101010},
    {k2101010, select(6, 5, 4, 1), DRM_FORMAT_XRGB2101010},
    {k2101010, select(4, 5, 6, 7), DRM_FORMAT_ABGR2101010},
    {k2101010, select(4, 5, 6, 1), DRM_FORMAT_XBGR2101010},
};
constexpr uint32_t kPixel = 4;  // bytes, of all of these

uint32_t fourcc_of(std::span<const uint32_t, 8> descriptor) {
    const uint32_t data_format = bits(descriptor[1], 20, 6), selects = bits(descriptor[3], 0, 12);
    for (const PixelFormat& format : kFormats)
        if (format.data_format == data_format && format.selects == selects) return format.fourcc;
    return 0;
}

/// AMDGPU_TILING_SWIZZLE_MODE, which has fewer bits from GFX12 on (amdgpu_drm.h:
/// AMDGPU_FAMILY_GC_12_0_0, AMDGPU_TILING_GFX12_SWIZZLE_MODE_MASK); 0: rows.
bool in_rows(uint64_t tiling, uint32_t family) {
    constexpr uint32_t kGfx12 = 152;
    constexpr uint64_t kGfx9Mask = 0x1f, kGfx12Mask = 0x7;
    return (tiling & (family >= kGfx12 ? kGfx12Mask : kGfx9Mask)) == 0;
}

}  // namespace

ImageLayout read_layout(const drm_amdgpu_gem_metadata& metadata, uint32_t family) {
    ImageLayout layout;
    // Older chips have other tiling flags; without a description the flags are a new buffer's.
    if (family < AMDGPU_FAMILY_AI || metadata.data.data_size_bytes < kDwords * sizeof(uint32_t) ||
        metadata.data.data[kVersionAt] != kVersion)
        return layout;
    const bool rows = in_rows(metadata.data.tiling_info, family);
    if (rows) layout.modifier = DRM_FORMAT_MOD_LINEAR;
    if (family > AMDGPU_FAMILY_RV) return layout;
    const std::span<const uint32_t, 8> descriptor(metadata.data.data + kDescriptorAt, 8);
    layout.fourcc = fourcc_of(descriptor);
    layout.width = bits(descriptor[2], 0, 14) + 1;
    layout.height = bits(descriptor[2], 14, 14) + 1;
    if (rows && layout.fourcc != 0) layout.stride = (bits(descriptor[4], 13, 16) + 1) * kPixel;
    return layout;
}

}  // namespace viaduct::amdgpu
