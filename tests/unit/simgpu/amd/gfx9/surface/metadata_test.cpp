// Addresses of metadata and of samples, against those that Mesa's addrlib gives.
#include <gtest/gtest.h>

#include <map>

#include "simgpu/amd/gfx9/surface/meta_surface.h"
#include "simgpu/amd/gfx9/surface/surface.h"

namespace simgpu::gfx9 {
namespace {

enum Kind : uint32_t { kDcc, kHtile, kCmask, kData };

struct Row {
    uint32_t kind, gb_addr_config, alias_fix, swizzle_mode, element_bits, image_3d, sample_bits;
    uint32_t pipe_aligned, backend_aligned, width, height, depth, pitch, pipe_bank_xor;
    uint32_t x, y, z, sample;
    uint64_t nibble;
};
constexpr Row kRows[] = {
#include "tests/unit/simgpu/amd/gfx9/surface/metadata.inc"
};

AddressConfig config_of(const Row& row) {
    AddressConfig config = AddressConfig::from_register(row.gb_addr_config);
    config.alias_fix = row.alias_fix;
    return config;
}

MetaShape shape_of(const Row& row) {
    MetaShape shape;
    shape.base = row.pipe_bank_xor << 8;
    shape.layout.kind = static_cast<MetaKind>(row.kind);
    shape.layout.mode = SwizzleMode(row.swizzle_mode);
    shape.layout.element_bits = static_cast<uint8_t>(row.element_bits);
    shape.layout.sample_bits = static_cast<uint8_t>(row.kind == kCmask ? 0 : row.sample_bits);
    shape.layout.image_3d = row.image_3d;
    shape.layout.pipe_aligned = row.pipe_aligned;
    shape.layout.backend_aligned = row.backend_aligned;
    shape.width = row.width;
    shape.height = row.height;
    shape.depth = row.image_3d ? row.depth : 1;
    return shape;
}

uint64_t nibble_of(const Row& row) {
    if (row.kind == kData) {
        SurfaceShape shape;
        shape.base = row.pipe_bank_xor << 8;
        shape.mode = SwizzleMode(row.swizzle_mode);
        shape.element_bits = static_cast<uint8_t>(row.element_bits);
        shape.sample_bits = static_cast<uint8_t>(row.sample_bits);
        shape.width = row.width;
        shape.height = row.height;
        shape.pitch = row.pitch;
        return Surface::create(shape, config_of(row))->address(row.x, row.y, row.z, 0, row.sample) *
               2;
    }
    const auto surface = MetaSurface::create(shape_of(row), config_of(row));
    const auto place = surface->find(row.x, row.y, row.z, 0, row.sample);
    return place.va * 2 + place.shift / 4;
}

TEST(Metadata, AddressesAreAddrlibs) {
    for (const Row& row : kRows)
        EXPECT_EQ(nibble_of(row), row.nibble)
            << "kind " << row.kind << " of " << std::hex << row.gb_addr_config << std::dec
            << ", mode " << row.swizzle_mode << ", " << (1u << row.element_bits) << " bytes, "
            << (1u << row.sample_bits) << " samples, " << row.width << "x" << row.height << "x"
            << row.depth << (row.image_3d ? " 3D" : "") << ", aligned to pipes " << row.pipe_aligned
            << ", to backends " << row.backend_aligned << ", at " << row.x << "," << row.y << ","
            << row.z << " sample " << row.sample;
}

}  // namespace
}  // namespace simgpu::gfx9
