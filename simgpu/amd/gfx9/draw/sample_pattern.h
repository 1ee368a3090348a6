// Where the samples of a pixel lie: PA_SC_AA_*.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "simgpu/amd/gfx9/draw/draw.h"

namespace simgpu::gfx9::draw {

inline constexpr unsigned kMaxSamples = 8;

/// The samples of the four pixels of a quad, pixel i at (i % 2, i / 2).
struct SamplePattern {
    struct Place {
        int16_t x = 0, y = 0;  // in 1/256 of a pixel, from its centre
    };

    uint8_t sample_bits = 0;  // log2 of the samples of a pixel
    std::array<std::array<Place, kMaxSamples>, 4> place{};
    std::array<uint8_t, 4> mask{0xff, 0xff, 0xff, 0xff};  // samples that may be covered
    /// Samples in the order in which a centroid is chosen from them.
    std::array<uint8_t, kMaxSamples> centroid_order{0, 1, 2, 3, 4, 5, 6, 7};
    /// Pixels are shaded once for each of so many groups of samples: group i has the samples i,
    /// i + iterations, ...
    uint8_t iterations = 1;

    unsigned count() const { return 1u << sample_bits; }
    uint8_t all() const { return static_cast<uint8_t>((1u << count()) - 1); }
    uint8_t of_iteration(unsigned iteration) const;
    /// The sample whose place stands for the covered part of a pixel; -1: its centre.
    int centroid(uint8_t covered) const;

    static SamplePattern read(const RegisterReader& registers);
    /// A sentence about values of these registers that are not simulated; else empty.
    static std::string problem(const RegisterReader& registers);
};

}  // namespace simgpu::gfx9::draw
