// Addresses in tiled surfaces, against those that Mesa's addrlib gives.
#include <gtest/gtest.h>

#include <set>

#include "simgpu/amd/gfx9/surface/surface.h"

namespace simgpu::gfx9 {
namespace {

struct Row {
    uint32_t gb_addr_config, swizzle_mode, element_bits, image_3d;
    uint32_t width, height, depth, levels, pitch, pipe_bank_xor;
    uint32_t x, y, z, level;
    uint64_t address;
};
constexpr Row kRows[] = {
#include "tests/unit/simgpu/amd/gfx9/surface/addresses.inc"
};

SurfaceShape shape_of(const Row& row) {
    SurfaceShape shape;
    shape.base = row.pipe_bank_xor << 8;
    shape.mode = SwizzleMode(row.swizzle_mode);
    shape.element_bits = static_cast<uint8_t>(row.element_bits);
    shape.image_3d = row.image_3d;
    shape.levels = static_cast<uint8_t>(row.levels);
    shape.width = row.width;
    shape.height = row.height;
    shape.depth = row.depth;
    shape.pitch = row.pitch;
    return shape;
}

TEST(Surface, AddressesAreAddrlibs) {
    for (const Row& row : kRows) {
        const auto surface =
            Surface::create(shape_of(row), AddressConfig::from_register(row.gb_addr_config));
        ASSERT_TRUE(surface);
        EXPECT_EQ(surface->address(row.x, row.y, row.z, row.level), row.address)
            << "mode " << row.swizzle_mode << ", " << (1u << row.element_bits) << " bytes, "
            << row.width << "x" << row.height << "x" << row.depth << (row.image_3d ? " 3D" : "")
            << ", " << row.levels << " levels, at " << row.x << "," << row.y << "," << row.z
            << " of level " << row.level;
    }
}

// Two elements at one address would be a wrong equation even if no row above shows it.
TEST(Surface, ElementsOfABlockLieApart) {
    for (uint32_t mode = 1; mode < 28; mode++) {
        const SwizzleMode swizzle(mode);
        if (!swizzle.exists()) continue;
        for (uint8_t element_bits = 0; element_bits <= 4; element_bits++) {
            const BlockSize size = block_size(swizzle, element_bits, false);
            const SwizzleEquation equation(swizzle, element_bits, false, {4, 4});
            std::set<uint32_t> offsets;
            for (uint32_t y = 0; y < size.height; y++)
                for (uint32_t x = 0; x < size.width; x++) offsets.insert(equation.offset(x, y, 0));
            EXPECT_EQ(offsets.size(), size_t{size.width} * size.height) << "mode " << mode;
            EXPECT_LT(*offsets.rbegin(), 1u << swizzle.block_bits()) << "mode " << mode;
        }
    }
}

TEST(Surface, ReservedModesAreRefused) {
    for (uint32_t mode : {12u, 15u, 28u, 31u}) {
        SurfaceShape shape;
        shape.mode = SwizzleMode(mode);
        EXPECT_FALSE(Surface::create(shape, {})) << mode;
    }
}

}  // namespace
}  // namespace simgpu::gfx9
