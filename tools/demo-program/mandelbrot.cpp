#include "tools/demo-program/mandelbrot.h"

#include <cmath>

namespace viaduct::demo {
namespace {

// The same operations as mandelbrot.comp, in the same order; built with -ffp-contract=off.
uint32_t rounds_at(float cx, float cy, uint32_t limit) {
    float zx = 0.0F;
    float zy = 0.0F;
    float xx = 0.0F;
    float yy = 0.0F;
    uint32_t rounds = 0;
    while (rounds < limit && xx + yy <= 4.0F) {
        const float product = zx * zy;
        zy = (product + product) + cy;
        zx = (xx - yy) + cx;
        xx = zx * zx;
        yy = zy * zy;
        ++rounds;
    }
    return rounds;
}

// One channel: 0..255 along a cosine that starts at `phase` (of a turn).
uint32_t channel(uint32_t index, double phase) {
    constexpr double kTurn = 6.283185307179586;
    const double angle = kTurn * (static_cast<double>(index) / 64.0 + phase);
    return static_cast<uint32_t>(std::lround(127.5 - 127.5 * std::cos(angle)));
}

}  // namespace

View view_of_frame(uint32_t index, uint32_t width, uint32_t height) {
    constexpr float kCentreX = -0.7436F;
    constexpr float kCentreY = 0.1318F;
    constexpr float kFirstWidth = 3.2F;
    const float step =
        kFirstWidth * std::pow(0.8F, static_cast<float>(index)) / static_cast<float>(width);
    return {.left = kCentreX - step * static_cast<float>(width) / 2,
            .top = kCentreY - step * static_cast<float>(height) / 2,
            .step = step,
            .width = width,
            .height = height,
            .limit = 128};
}

Palette make_palette() {
    Palette palette{};
    for (uint32_t i = 0; i < palette.size(); ++i)
        palette[i] = 0xff000000U | channel(i, 0.25) << 16U | channel(i, 0.1) << 8U | channel(i, 0);
    return palette;
}

std::vector<uint32_t> mandelbrot(const View& view, const Palette& palette) {
    std::vector<uint32_t> pixels;
    pixels.reserve(static_cast<size_t>(view.width) * view.height);
    for (uint32_t y = 0; y < view.height; ++y) {
        const float offset_y = static_cast<float>(y) * view.step;
        for (uint32_t x = 0; x < view.width; ++x) {
            const float offset_x = static_cast<float>(x) * view.step;
            const uint32_t rounds =
                rounds_at(view.left + offset_x, view.top + offset_y, view.limit);
            pixels.push_back(rounds == view.limit ? 0xff000000U : palette[rounds % palette.size()]);
        }
    }
    return pixels;
}

}  // namespace viaduct::demo
