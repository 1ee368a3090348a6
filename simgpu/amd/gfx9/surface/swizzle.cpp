#include "simgpu/amd/gfx9/surface/swizzle.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "simgpu/amd/gfx9/bits.h"

namespace simgpu::gfx9 {

namespace {

using Order = SwizzleMode::Order;

constexpr unsigned kInterleaveBits = 8;  // PIPE_INTERLEAVE_SIZE: 256 bytes

/// One bit of a coordinate: axis x, y or z, and its number.
struct CoordinateBit {
    uint8_t axis = 0;
    uint8_t bit = 0;
};

// The order of coordinate bits inside of a 256-byte (thin) or 1 KiB (thick) block, from the bit
// above the element's bytes on, by log2 of the element's bytes. Mesa's addrlib has the same as
// "block 256" and "thick" equations of GFX9.
constexpr std::string_view kThinStandard[] = {"x0x1x2x3y0y1y2y3", "x0x1x2y0y1y2x3", "x0x1y0y1y2x2",
                                              "x0y0y1x1x2", "y0y1x0x1"};
constexpr std::string_view kThinDisplay[] = {"x0x1x2y1y0y2x3y3", "x0x1x2y0y1y2x3", "x0x1y0x2y1y2",
                                             "x0y0x1x2y1", "x0y0x1y1"};
constexpr std::string_view kThinRotated[] = {"y0y1y2x1x0x2x3y3", "y0y1y2x0x1x2x3", "y0y1x0y2x1x2",
                                             "y0x0y1x1x2", "y0x0y1x1"};
constexpr std::string_view kThickStandard[] = {"x0x1x2x3y0y1z0z1z2y2", "x0x1x2y0y1z0z1z2y2",
                                               "x0x1y0y1z0z1y2x2", "x0y0y1z0z1x1x2",
                                               "y0y1z0z1x0x1"};
constexpr std::string_view kThickZ[] = {"x0y0x1y1z0z1x2z2y2x3", "x0y0x1y1z0z1z2y2x2",
                                        "x0y0x1z0y1z1y2x2", "x0y0z0x1z1y1x2", "x0y0z0z1y1x1"};

/// The coordinate bit at each address bit, far beyond the block.
class BitSequence {
  public:
    explicit BitSequence(unsigned element_bits) : bits_(element_bits), known_(element_bits) {}

    unsigned size() const { return static_cast<unsigned>(bits_.size()); }
    void append(uint8_t axis) { append(axis, next_[axis]); }
    void append(std::string_view pattern) {
        for (size_t i = 0; i < pattern.size(); i += 2)
            append(static_cast<uint8_t>(pattern[i] - 'x'),
                   static_cast<uint8_t>(pattern[i + 1] - '0'));
    }
    bool names_coordinate(unsigned address_bit) const { return address_bit >= known_; }
    CoordinateBit at(unsigned address_bit) const { return bits_[address_bit]; }

  private:
    void append(uint8_t axis, uint8_t bit) {
        bits_.push_back({axis, bit});
        next_[axis] = std::max<uint8_t>(next_[axis], bit + 1);
    }

    std::vector<CoordinateBit> bits_;
    unsigned known_;
    uint8_t next_[3] = {};
};

constexpr unsigned kSequenceBits = 40;

BitSequence thin_sequence(SwizzleMode mode, unsigned element_bits, bool image_3d) {
    BitSequence sequence(element_bits);
    // Display order exists in two dimensions only: blocks of 3D images use the standard one.
    const Order order =
        image_3d && mode.order() == Order::kDisplay ? Order::kStandard : mode.order();
    if (order == Order::kZ)
        for (bool y = false; sequence.size() < 6; y = !y) sequence.append(uint8_t{y});
    else if (order == Order::kStandard)
        sequence.append(kThinStandard[element_bits]);
    else
        sequence.append(order == Order::kDisplay ? kThinDisplay[element_bits]
                                                 : kThinRotated[element_bits]);
    while (sequence.size() < kSequenceBits) sequence.append(uint8_t{sequence.size() % 2 == 0});
    return sequence;
}

BitSequence thick_sequence(SwizzleMode mode, unsigned element_bits) {
    BitSequence sequence(element_bits);
    sequence.append(mode.order() == Order::kZ ? kThickZ[element_bits]
                                              : kThickStandard[element_bits]);
    constexpr uint8_t kAxes[] = {0, 2, 1};
    while (sequence.size() < kSequenceBits) sequence.append(kAxes[sequence.size() % 3]);
    return sequence;
}

}  // namespace

AddressConfig AddressConfig::from_register(uint32_t gb_addr_config) {
    const uint32_t pipes = bits(gb_addr_config, 0, 3), banks = bits(gb_addr_config, 12, 3);
    const uint32_t engines = bits(gb_addr_config, 19, 2);
    return {static_cast<uint8_t>(pipes + engines), static_cast<uint8_t>(banks)};
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

BlockSize block_size(SwizzleMode mode, unsigned element_bits, bool image_3d) {
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
    return {kMicro[element_bits].width << wide, kMicro[element_bits].height << (more - wide), 1};
}

SwizzleEquation::SwizzleEquation(SwizzleMode mode, unsigned element_bits, bool image_3d,
                                 AddressConfig config) {
    const bool thick = mode.thick(image_3d);
    const BitSequence sequence =
        thick ? thick_sequence(mode, element_bits) : thin_sequence(mode, element_bits, image_3d);
    const unsigned block_bits = mode.block_bits();
    const auto contribute = [&](unsigned source, unsigned address_bit) {
        if (!sequence.names_coordinate(source)) return;
        const CoordinateBit from = sequence.at(source);
        if (from.bit < kCoordinateBits) axes_[from.axis][from.bit] ^= 1u << address_bit;
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
    if (thick || mode.is_prt()) return;
    // Slices start at other pipes and banks: the slice's low bits, reversed.
    for (unsigned i = 0; i < pipes; i++) axes_[2][pipes - 1 - i] ^= 1u << (kInterleaveBits + i);
    for (unsigned i = 0; i < banks; i++)
        axes_[2][pipes + banks - 1 - i] ^= 1u << (kInterleaveBits + pipes + i);
}

}  // namespace simgpu::gfx9
