#include "simgpu/amd/gfx9/surface/bit_sequence.h"

namespace simgpu::gfx9 {

namespace {

using Order = SwizzleMode::Order;

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

constexpr unsigned kSequenceBits = 40;

}  // namespace

void BitSequence::append(std::string_view pattern) {
    for (size_t i = 0; i < pattern.size(); i += 2)
        append(static_cast<uint8_t>(pattern[i] - 'x'), static_cast<uint8_t>(pattern[i + 1] - '0'));
}

BitSequence BitSequence::thin(Order order, unsigned element_bits) {
    BitSequence sequence(element_bits);
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

BitSequence BitSequence::thick(Order order, unsigned element_bits) {
    BitSequence sequence(element_bits);
    sequence.append(order == Order::kZ ? kThickZ[element_bits] : kThickStandard[element_bits]);
    constexpr uint8_t kCycle[] = {CoordinateBit::kX, CoordinateBit::kZ, CoordinateBit::kY};
    while (sequence.size() < kSequenceBits) sequence.append(kCycle[sequence.size() % 3]);
    return sequence;
}

BitSequence BitSequence::of(SwizzleMode mode, unsigned element_bits, bool image_3d) {
    if (mode.thick(image_3d)) return thick(mode.order(), element_bits);
    // Display order exists in two dimensions only: blocks of 3D images use the standard one.
    const bool replaced = image_3d && mode.order() == Order::kDisplay;
    return thin(replaced ? Order::kStandard : mode.order(), element_bits);
}

BitSequence BitSequence::of_depth(unsigned element_bits, unsigned sample_bits) {
    BitSequence sequence = thin(Order::kZ, element_bits);
    sequence.insert_samples(element_bits, sample_bits);
    return sequence;
}

void BitSequence::insert_samples(unsigned address_bit, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        bits_.insert(bits_.begin() + address_bit + i,
                     {CoordinateBit::kSample, static_cast<uint8_t>(i)});
}

}  // namespace simgpu::gfx9
