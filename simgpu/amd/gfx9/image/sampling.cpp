#include "simgpu/amd/gfx9/image/sampling.h"

#include <algorithm>
#include <cmath>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/surface/compare_function.h"

namespace simgpu::gfx9 {

namespace {

constexpr int32_t kBorder = -1;
// Filter weights have eight bits.
constexpr int32_t kFraction = 256;

int32_t modulo(int32_t value, int32_t size) {
    const int32_t rest = value % size;
    return rest < 0 ? rest + size : rest;
}

int32_t mirrored(int32_t index) {
    return index < 0 ? -1 - index : index;
}

/// The texel that `index` names on an axis of `size`, or kBorder.
int32_t wrapped(Wrap wrap, int32_t index, int32_t size) {
    if (index >= 0 && index < size) return index;
    switch (wrap) {
        case Wrap::kRepeat:
            return modulo(index, size);
        case Wrap::kMirror: {
            const int32_t place = modulo(index, 2 * size);
            return place < size ? place : 2 * size - 1 - place;
        }
        case Wrap::kClampToEdge:
            return std::clamp(index, 0, size - 1);
        case Wrap::kMirrorOnce:
            return std::min(mirrored(index), size - 1);
        case Wrap::kClampHalfBorder:
        case Wrap::kClampToBorder:
            return index >= 0 && index < size ? index : kBorder;
        case Wrap::kMirrorOnceHalfBorder:
        case Wrap::kMirrorOnceBorder:
            return mirrored(index) < size ? mirrored(index) : kBorder;
    }
    return kBorder;
}

bool half_border(Wrap wrap) {
    return wrap == Wrap::kClampHalfBorder || wrap == Wrap::kMirrorOnceHalfBorder;
}
/// To the image's outline, where a filter still takes half of the border.
float clamped(Wrap wrap, float place, float size) {
    const float first = wrap == Wrap::kClampHalfBorder ? place : std::abs(place);
    return first > 0 ? std::min(first, size) : 0;  // NaN: 0
}

int32_t to_int(float value) {
    // Far outside of any image, and of what an int32_t holds: NaN counts as 0.
    constexpr float kLimit = 1 << 30;
    if (std::isnan(value)) return 0;
    return static_cast<int32_t>(std::floor(std::clamp(value, -kLimit, kLimit)));
}

}  // namespace

/// The texels around a position: index 0 and 1 on each axis, and the share of the latter.
struct TextureUnit::Footprint {
    unsigned level = 0;
    unsigned axes = 2;
    int32_t index[3][2] = {};
    float share[3] = {};
};

uint32_t TextureUnit::cube_slice(float face_id) {
    // Eight numbers per cube, of which six are used.
    const auto id = static_cast<uint32_t>(std::max(to_int(face_id + 0.5f), 0));
    return id / 8 * 6 + std::min(id % 8, 5u);
}

LodChoice TextureUnit::lod_of(const float (&dx)[3], const float (&dy)[3]) const {
    const unsigned first = image_.first_level();
    const float size[3] = {static_cast<float>(image_.width(first)),
                           static_cast<float>(image_.height(first)),
                           static_cast<float>(image_.depth(first))};
    float along_x = 0, along_y = 0;
    for (unsigned i = 0; i < image_.dimensions(); i++) {
        const float scale = sampler_.unnormalised ? 1.0f : size[i];
        along_x += dx[i] * scale * dx[i] * scale;
        along_y += dy[i] * scale * dy[i] * scale;
    }
    return clamp(0.5f * std::log2(std::max(along_x, along_y)), 0);
}

LodChoice TextureUnit::clamp(float lod, float least) const {
    LodChoice choice;
    choice.unclamped = std::isnan(lod) ? 0 : lod;
    const float low = std::max(
        {sampler_.min_lod, least, image_.min_lod() - static_cast<float>(image_.first_level())});
    const float levels =
        static_cast<float>(image_.last_level()) - static_cast<float>(image_.first_level());
    choice.clamped = std::max(std::min(choice.unclamped, sampler_.max_lod), low);
    choice.magnified = choice.clamped <= 0;
    choice.clamped = std::clamp(choice.clamped, 0.0f, std::max(levels, 0.0f));
    return choice;
}

TextureUnit::Footprint TextureUnit::footprint(const ImageAddress& address, unsigned level,
                                              bool linear) const {
    Footprint at;
    at.level = level;
    at.axes = image_.dimensions();
    const uint32_t size[3] = {image_.width(level), image_.height(level), image_.depth(level)};
    const bool cube = image_.type() == ImageType::kCube;
    for (unsigned i = 0; i < at.axes; i++) {
        const auto extent = static_cast<int32_t>(size[i]);
        // The faces of a cube are given from 1 to 2.
        float place = address.coordinate[i] - (cube ? 1.0f : 0.0f);
        if (!sampler_.unnormalised) place *= static_cast<float>(extent);
        const Wrap wrap = cube ? Wrap::kClampToEdge : sampler_.wrap[i];
        const bool mixes = linear && (i < 2 || sampler_.linear_z);
        if (half_border(wrap)) place = clamped(wrap, place, static_cast<float>(extent));
        int32_t first = to_int(place);
        if (half_border(wrap) && !mixes) first = std::min(first, extent - 1);
        if (mixes) {
            const int32_t fixed = to_int((place - 0.5f) * kFraction + 0.5f);
            first = fixed >= 0 ? fixed / kFraction : -((-fixed + kFraction - 1) / kFraction);
            at.share[i] = static_cast<float>(fixed - first * kFraction) / kFraction;
        }
        first += address.offset[i];
        at.index[i][0] = wrapped(wrap, first, extent);
        at.index[i][1] = wrapped(wrap, first + 1, extent);
    }
    if (image_.is_array()) {
        const float slice = address.coordinate[at.axes];
        const auto last = static_cast<int32_t>(image_.depth(level)) - 1;
        const int32_t chosen =
            cube ? static_cast<int32_t>(cube_slice(slice)) : to_int(std::rint(slice));
        at.index[2][0] = at.index[2][1] = std::clamp(chosen, 0, last);
    }
    return at;
}

bool TextureUnit::texel(const Footprint& at, unsigned corner, const ImageAddress& address,
                        bool compares, Texel& result) const {
    const int32_t x = at.index[0][corner & 1];
    const int32_t y = at.axes > 1 ? at.index[1][corner >> 1 & 1] : 0;
    const int32_t z = at.index[2][corner >> 2 & 1];
    const bool outside = x == kBorder || y == kBorder || z == kBorder;
    const TexelAt place{static_cast<uint32_t>(x), static_cast<uint32_t>(y),
                        static_cast<uint32_t>(z), at.level, 0};
    result = border_;
    if (!outside && !image_.load_stored(memory_, image_.row(place), place, result)) return false;
    if (compares) {
        const bool passed = passes(sampler_.compare, address.reference, as_float(result[0]));
        result = {as_word(passed ? 1.0f : 0.0f), 0, 0, as_word(1.0f)};
    }
    result = image_.selected(result);
    return true;
}

/// Four texels at most, of two rows.
bool TextureUnit::sample_plane(const Footprint& at, float (&sum)[4], float weight,
                               Texel& exact) const {
    const int32_t z = at.index[2][0];
    for (unsigned down = 0; down < 2; down++) {
        const int32_t y = at.index[1][down];
        const float share_y = down ? at.share[1] : 1 - at.share[1];
        TexelAt place{0, static_cast<uint32_t>(y), static_cast<uint32_t>(z), at.level, 0};
        const Surface::Row row = y == kBorder ? Surface::Row{} : image_.row(place);
        for (unsigned right = 0; right < 2; right++) {
            const int32_t x = at.index[0][right];
            const float share = weight * (right ? at.share[0] : 1 - at.share[0]) * share_y;
            if (share == 0) continue;
            place.x = static_cast<uint32_t>(x);
            if (x == kBorder || y == kBorder)
                exact = image_.selected(border_);
            else if (!image_.load(memory_, row, place, exact))
                return false;
            for (unsigned c = 0; c < 4; c++) sum[c] += share * as_float(exact[c]);
        }
    }
    return true;
}

bool TextureUnit::sample_level(const ImageAddress& address, const ImageOperation& operation,
                               unsigned level, bool linear, float (&sum)[4], float weight,
                               Texel& exact) const {
    const Footprint at = footprint(address, level, linear);
    if (at.axes == 2 && !operation.compares) return sample_plane(at, sum, weight, exact);
    for (unsigned corner = 0; corner < 1u << at.axes; corner++) {
        float share = weight;
        for (unsigned i = 0; i < at.axes; i++)
            share *= corner >> i & 1 ? at.share[i] : 1 - at.share[i];
        if (share == 0) continue;
        if (!texel(at, corner, address, operation.compares, exact)) return false;
        for (unsigned c = 0; c < 4; c++) sum[c] += share * as_float(exact[c]);
    }
    return true;
}

bool TextureUnit::sample(const ImageAddress& address, const ImageOperation& operation,
                         const LodChoice& lod, Texel& result) const {
    const bool filters = !image_.is_integer();
    const bool linear = filters && (lod.magnified ? sampler_.linear_mag : sampler_.linear_min);
    constexpr uint8_t kPoint = 1, kLinear = 2;
    float level = sampler_.mip_filter == 0 ? 0 : lod.clamped, share = 0;
    if (sampler_.mip_filter == kPoint || (!filters && sampler_.mip_filter))
        level = std::floor(level + 0.5f);
    if (sampler_.mip_filter == kLinear && filters) {
        const float fixed = std::floor(level * kFraction + 0.5f) / kFraction;
        level = std::floor(fixed);
        share = fixed - level;
    }
    const unsigned first = std::min(image_.first_level() + static_cast<unsigned>(level),
                                    std::max(image_.last_level(), image_.first_level()));
    float sum[4] = {};
    Texel exact{};
    if (!sample_level(address, operation, first, linear, sum, 1 - share, exact)) return false;
    if (share > 0) {
        const unsigned second = std::min(first + 1, image_.last_level());
        if (!sample_level(address, operation, second, linear, sum, share, exact)) return false;
    }
    // Integers are not mixed.
    for (unsigned c = 0; c < 4; c++) result[c] = filters ? as_word(sum[c]) : exact[c];
    return true;
}

bool TextureUnit::gather(const ImageAddress& address, const ImageOperation& operation,
                         const LodChoice& lod, unsigned component, Texel& result) const {
    const unsigned level =
        std::min(image_.first_level() + static_cast<unsigned>(std::floor(lod.clamped + 0.5f)),
                 std::max(image_.last_level(), image_.first_level()));
    const Footprint at = footprint(address, level, true);
    // Counterclockwise from the lower left: (0, 1), (1, 1), (1, 0), (0, 0).
    constexpr unsigned kCorners[] = {2, 3, 1, 0};
    for (unsigned i = 0; i < 4; i++) {
        Texel one;
        if (!texel(at, kCorners[i], address, operation.compares, one)) return false;
        result[i] = one[component];
    }
    return true;
}

}  // namespace simgpu::gfx9
