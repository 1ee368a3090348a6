#include "simgpu/amd/gfx9/draw/clip_rectangles.h"

#include "simgpu/amd/gfx9/bits.h"

namespace simgpu::gfx9::draw {

namespace {

// Byte addresses (Mesa: gfx9.json): PA_SC_CLIPRECT_RULE, PA_SC_CLIPRECT_0_TL and _BR.
constexpr uint32_t kRule = 0x2820c, kFirstRectangle = 0x28210;

}  // namespace

ClipRectangles::ClipRectangles(const RegisterReader& registers, QuadSink& next)
    : next_(next), rule_(bits(registers(kRule), 0, 16)) {
    const auto half = [](uint32_t word, unsigned low) {
        return static_cast<int32_t>(bits(word, low, 15));
    };
    for (uint32_t i = 0; i < kRectangles; i++) {
        const uint32_t corner = registers(kFirstRectangle + 8 * i);
        const uint32_t end = registers(kFirstRectangle + 8 * i + 4);
        rectangles_[i] = {half(corner, 0), half(corner, 16), half(end, 0), half(end, 16)};
    }
}

QuadSink& ClipRectangles::sink() {
    if (rule_ == kDrawAll) return next_;
    return *this;
}

bool ClipRectangles::draws(int32_t x, int32_t y) const {
    unsigned number = 0;
    for (unsigned i = 0; i < kRectangles; i++) {
        const Rectangle& r = rectangles_[i];
        if (x >= r.left && x < r.right && y >= r.top && y < r.bottom) number |= 1u << i;
    }
    return bit_of(rule_, number);
}

bool ClipRectangles::quad(const ScreenTriangle& triangle, const Quad& quad) {
    Quad rest = quad;
    for (unsigned i = 0; i < 4; i++) {
        if (draws(quad.x + static_cast<int32_t>(i % 2), quad.y + static_cast<int32_t>(i / 2)))
            continue;
        rest.covered &= static_cast<uint8_t>(~(1u << i));
        rest.samples[i] = 0;
    }
    return !rest.covered || next_.quad(triangle, rest);
}

}  // namespace simgpu::gfx9::draw
