#include "simgpu/amd/gfx9/draw/sample_pattern.h"

#include <algorithm>

#include <fmt/format.h>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/draw/registers.h"

namespace simgpu::gfx9::draw {

namespace {

// Byte addresses (GFX9 register headers).
constexpr uint32_t kScanMode1 = 0x28a4c;  // PA_SC_MODE_CNTL_1
constexpr uint32_t kCentroidPriority = 0x28bd4, kConfig = 0x28be0, kLocations = 0x28bf8;
constexpr uint32_t kSampleMask = 0x28c38, kEqaa = 0x28804;

// Locations are in 1/16 of a pixel, with a sign.
int16_t location(uint32_t word, unsigned low) {
    return static_cast<int16_t>((static_cast<int32_t>(word << (28 - low)) >> 28) * 16);
}

SamplePattern::Place place(const RegisterReader& registers, unsigned pixel, unsigned sample) {
    constexpr uint32_t kBytesPerPixel = 16;
    const uint32_t word = registers(kLocations + kBytesPerPixel * pixel + sample / 4 * 4);
    const unsigned low = 8 * (sample % 4);
    return {location(word, low), location(word, low + 4)};
}

}  // namespace

std::string SamplePattern::problem(const RegisterReader& registers) {
    const uint32_t samples = bits(registers(kConfig), 0, 3);
    if (samples > 3) return fmt::format("PA_SC_AA_CONFIG: {} samples", 1u << samples);
    if (bits(registers(kEqaa), 24, 3))
        return "DB_EQAA: smoothed lines and polygons (OVERRASTERIZATION_AMOUNT) are not simulated";
    return {};
}

SamplePattern SamplePattern::read(const RegisterReader& registers) {
    SamplePattern pattern;
    pattern.sample_bits = static_cast<uint8_t>(std::min(bits(registers(kConfig), 0, 3), 3u));
    // Without MSAA_ENABLE all samples are the centre.
    const bool apart = pattern.sample_bits && bit_of(registers(kScanMode), 0);
    for (unsigned pixel = 0; pixel < 4; pixel++) {
        const uint32_t mask = registers(kSampleMask + 4 * (pixel / 2)) >> (16 * (pixel % 2));
        pattern.mask[pixel] = static_cast<uint8_t>(mask) & pattern.all();
        for (unsigned sample = 0; apart && sample < pattern.count(); sample++)
            pattern.place[pixel][sample] = draw::place(registers, pixel, sample);
    }
    const uint32_t order = registers(kCentroidPriority);
    for (unsigned i = 0; i < kMaxSamples; i++)
        pattern.centroid_order[i] = static_cast<uint8_t>(bits(order, 4 * i, 3));
    if (bit_of(registers(kScanMode1), 16))  // PS_ITER_SAMPLE
        pattern.iterations = static_cast<uint8_t>(
            1u << std::min<unsigned>(bits(registers(kEqaa), 4, 3), pattern.sample_bits));
    return pattern;
}

uint8_t SamplePattern::of_iteration(unsigned iteration) const {
    unsigned mask = 0;
    for (unsigned sample = iteration; sample < count(); sample += iterations) mask |= 1u << sample;
    return static_cast<uint8_t>(mask);
}

int SamplePattern::centroid(uint8_t covered) const {
    if (covered == all() || covered == 0) return -1;
    for (unsigned i = 0; i < count(); i++)
        if (covered >> centroid_order[i] & 1) return centroid_order[i];
    return -1;
}

}  // namespace simgpu::gfx9::draw
