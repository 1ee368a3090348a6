#include "tools/demo-program/scene.h"

namespace viaduct::demo {

Placement placement_of(const Matrix& projection, const Matrix& view, Vec4 colour) {
    return {.to_clip = projection * view,
            .to_view = {view.columns[0], view.columns[1], view.columns[2]},
            .colour = colour};
}

std::vector<uint32_t> make_texture() {
    constexpr uint32_t kTile = 16;  // texels
    std::vector<uint32_t> texels;
    for (uint32_t y = 0; y < kTextureSize; y++)
        for (uint32_t x = 0; x < kTextureSize; x++) {
            const bool dark = ((x / kTile) + (y / kTile)) % 2 == 1;
            const uint32_t red = dark ? 60 + 2 * x : 240;
            const uint32_t green = dark ? 70 : 180 + y;
            const uint32_t blue = dark ? 90 + 2 * y : 200;
            texels.push_back(0xff000000U | blue << 16U | green << 8U | red);
        }
    return texels;
}

}  // namespace viaduct::demo
