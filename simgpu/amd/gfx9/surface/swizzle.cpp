#include "simgpu/amd/gfx9/surface/swizzle.h"

#include <algorithm>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/surface/bit_sequence.h"

namespace simgpu::gfx9 {

namespace {}  // namespace

AddressConfig AddressConfig::from_register(uint32_t gb_addr_config) {
    const uint32_t pipes = bits(gb_addr_config, 0, 3), banks = bits(gb_addr_config, 12, 3);
    AddressConfig config;
    config.engine_bits = static_cast<uint8_t>(bits(gb_addr_config, 19, 2));
    config.pipe_bits = static_cast<uint8_t>(pipes + config.engine_bits);
    config.bank_bits = static_cast<uint8_t>(banks);
    config.fragment_bits = static_cast<uint8_t>(bits(gb_addr_config, 6, 2));
    config.backend_bits = static_cast<uint8_t>(bits(gb_addr_config, 26, 2));
    return config;
}

bool SwizzleMode::exists() const {
    if (number_ == 0) return true;
    return number_ < 12 || (number_ >= 16 && number_ < 28);
}

unsigned SwizzleMode::block_bits() const {
    if (number_ < 4) return 8;
    if (number_ < 8 || (number_ >= 20 && number_ < 24)) return 12;
    return 16;
}

BlockSize block_size(SwizzleMode mode, unsigned element_bits, bool image_3d, unsigned sample_bits) {
    if (mode.linear()) return {};
    if (mode.thick(image_3d)) {
        constexpr BlockSize kKibibyte[] = {{16, 8, 8}, {8, 8, 8}, {8, 8, 4}, {8, 4, 4}, {4, 4, 4}};
        const unsigned more = mode.block_bits() - 10, each = more / 3, rest = more % 3;
        const BlockSize& small = kKibibyte[element_bits];
        return {small.width << each, small.height << (each + rest / 2),
                small.depth << (each + (rest ? 1 : 0))};
    }
    constexpr BlockSize kMicro[] = {{16, 16}, {16, 8}, {8, 8}, {8, 4}, {4, 4}};
    const unsigned more = mode.block_bits() - 8, wide = more / 2;
    const BlockSize one{kMicro[element_bits].width << wide,
                        kMicro[element_bits].height << (more - wide), 1};
    // Samples share the block; of an odd number of their bits, the width gives one more.
    return {one.width >> (sample_bits - sample_bits / 2), one.height >> sample_bits / 2, 1};
}

SwizzleEquation::SwizzleEquation(SwizzleMode mode, unsigned element_bits, bool image_3d,
                                 AddressConfig config, unsigned sample_bits) {
    const bool thick = mode.thick(image_3d);
    const unsigned block_bits = mode.block_bits();
    BitSequence sequence = BitSequence::of(mode, element_bits, image_3d);
    // Samples lie next to each other in Z order, else in parts of a block that each hold one. With
    // XOR, the bits that choose the part keep the coordinates that they have without samples.
    const unsigned parts = block_bits - sample_bits;
    const bool xor_samples =
        sample_bits && mode.order() != SwizzleMode::Order::kZ && mode.is_xor() && !mode.is_prt();
    if (!xor_samples)
        sequence.insert_samples(mode.order() == SwizzleMode::Order::kZ ? element_bits : parts,
                                sample_bits);
    const auto contribute = [&](unsigned source, unsigned address_bit) {
        if (!sequence.names_coordinate(source)) return;
        const CoordinateBit from = sequence.at(source);
        if (from.bit < kCoordinateBits) axes_[from.axis][from.bit] ^= 1u << address_bit;
        if (xor_samples && source >= parts && source < block_bits)
            axes_[CoordinateBit::kSample][source - parts] ^= 1u << address_bit;
    };
    for (unsigned i = element_bits; i < block_bits; i++) contribute(i, i);
    if (!mode.is_xor()) return;

    // Partially resident: what lies above the block must not matter.
    const auto fold = [&](unsigned source, unsigned address_bit) {
        if (!mode.is_prt() || source < block_bits) contribute(source, address_bit);
    };
    const auto fold_group = [&](unsigned first, unsigned count) {
        for (unsigned i = 0; i < count; i++) {
            if (thick) {
                fold(first + 3 * count - 1 - 2 * i, first + i);
                fold(first + 3 * count - 2 - 2 * i, first + i);
            } else {
                fold(first + 2 * count - 1 - i, first + i);
            }
        }
    };
    const unsigned pipes = std::min<unsigned>(config.pipe_bits, block_bits - kInterleaveBits);
    const unsigned banks =
        std::min<unsigned>(config.bank_bits, block_bits - kInterleaveBits - pipes);
    fold_group(kInterleaveBits, pipes);
    fold_group(kInterleaveBits + pipes, banks);
    if (thick || mode.is_prt() || sample_bits) return;
    // Slices start at other pipes and banks: the slice's low bits, reversed.
    for (unsigned i = 0; i < pipes; i++) axes_[2][pipes - 1 - i] ^= 1u << (kInterleaveBits + i);
    for (unsigned i = 0; i < banks; i++)
        axes_[2][pipes + banks - 1 - i] ^= 1u << (kInterleaveBits + pipes + i);
}

}  // namespace simgpu::gfx9
