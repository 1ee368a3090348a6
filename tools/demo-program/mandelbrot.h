// The demo's calculation, as the CPU does it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace viaduct::demo {

/// The part of the plane to draw. Laid out as the shader's block of the same name.
struct View {
    float left;
    float top;
    float step;  // from one pixel to the next
    uint32_t width;
    uint32_t height;
    uint32_t limit;  // rounds after which a point counts as inside
};

using Palette = std::array<uint32_t, 256>;  // 0xAABBGGRR

/// Frame `index` of a slow zoom.
View view_of_frame(uint32_t index, uint32_t width, uint32_t height);
Palette make_palette();

/// The picture, row by row: what the GPU must give, bit for bit.
std::vector<uint32_t> mandelbrot(const View& view, const Palette& palette);

}  // namespace viaduct::demo
