#include "tools/demo-program/rasteriser.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace viaduct::demo {
namespace {

constexpr float kSubpixels = 256;

/// A vertex after the vertex shader and the viewport.
struct Corner {
    int64_t x = 0, y = 0;  // in 1/256 of a pixel
    float depth = 0;
    float over_w = 0;
    Vec3 normal;
    float u = 0, v = 0;
};

/// Of the pixel's centre relative to the edge from `a` to `b`: above 0 inside of a triangle that
/// runs clockwise on the screen.
int64_t edge(const Corner& a, const Corner& b, int64_t x, int64_t y) {
    return (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x);
}

bool is_upper_or_left(const Corner& a, const Corner& b) {
    return b.y < a.y || (b.y == a.y && b.x > a.x);
}

class Rasteriser {
  public:
    Rasteriser(uint32_t width, uint32_t height, std::span<const uint32_t> texture)
        : width_(width),
          height_(height),
          texture_(texture),
          pixels_(size_t{width} * height, kBackground),
          depths_(size_t{width} * height, 1.F) {}

    void draw(const Mesh& mesh, const Placement& placement) {
        std::vector<Corner> corners;
        for (const Vertex& vertex : mesh.vertices) corners.push_back(project(vertex, placement));
        for (size_t i = 0; i + 2 < mesh.indices.size(); i += 3)
            draw(corners[mesh.indices[i]], corners[mesh.indices[i + 1]],
                 corners[mesh.indices[i + 2]], placement.colour);
    }

    std::vector<uint32_t> take() { return std::move(pixels_); }

  private:
    Corner project(const Vertex& vertex, const Placement& placement) const {
        const Vec3 at = vertex.position;
        const Vec4 clip = placement.to_clip * Vec4{at.x, at.y, at.z, 1};
        const auto snap = [&](float position, uint32_t size) {
            const float pixels = (position / clip.w + 1) * static_cast<float>(size) / 2;
            return static_cast<int64_t>(std::lround(pixels * kSubpixels));
        };
        const auto& [x, y, z] = placement.to_view;
        const Vec3 n = vertex.normal;
        return {.x = snap(clip.x, width_),
                .y = snap(clip.y, height_),
                .depth = clip.z / clip.w,
                .over_w = 1 / clip.w,
                .normal = Vec3{x.x, x.y, x.z} * n.x + Vec3{y.x, y.y, y.z} * n.y +
                          Vec3{z.x, z.y, z.z} * n.z,
                .u = vertex.u,
                .v = vertex.v};
    }

    void draw(const Corner& a, Corner b, Corner c, Vec4 colour) {
        int64_t area = edge(a, b, c.x, c.y);
        if (area < 0) {
            std::swap(b, c);
            area = -area;
        }
        if (area == 0) return;
        const auto first = [](int64_t lowest) { return std::max<int64_t>(lowest / 256 - 1, 0); };
        const auto last = [](int64_t highest, uint32_t size) {
            return std::min<int64_t>(highest / 256 + 1, int64_t{size} - 1);
        };
        for (int64_t y = first(std::min({a.y, b.y, c.y}));
             y <= last(std::max({a.y, b.y, c.y}), height_); y++)
            for (int64_t x = first(std::min({a.x, b.x, c.x}));
                 x <= last(std::max({a.x, b.x, c.x}), width_); x++)
                draw_pixel({&a, &b, &c}, area, x, y, colour);
    }

    void draw_pixel(std::array<const Corner*, 3> corners, int64_t area, int64_t x, int64_t y,
                    Vec4 colour) {
        std::array<float, 3> weights{};
        for (size_t i = 0; i < 3; i++) {
            const Corner &from = *corners[(i + 1) % 3], &to = *corners[(i + 2) % 3];
            const int64_t distance = edge(from, to, x * 256 + 128, y * 256 + 128);
            if (distance < 0 || (distance == 0 && !is_upper_or_left(from, to))) return;
            weights[i] = static_cast<float>(distance) / static_cast<float>(area);
        }
        const auto sum = [&](auto&& of) {
            return weights[0] * of(*corners[0]) + weights[1] * of(*corners[1]) +
                   weights[2] * of(*corners[2]);
        };
        const size_t index = static_cast<size_t>(y) * width_ + static_cast<size_t>(x);
        const float depth = sum([](const Corner& corner) { return corner.depth; });
        if (depth >= depths_[index]) return;
        depths_[index] = depth;
        const float w = 1 / sum([](const Corner& corner) { return corner.over_w; });
        const auto smooth = [&](auto&& of) {
            return w * sum([&](const Corner& corner) { return of(corner) * corner.over_w; });
        };
        const Vec3 normal{smooth([](const Corner& corner) { return corner.normal.x; }),
                          smooth([](const Corner& corner) { return corner.normal.y; }),
                          smooth([](const Corner& corner) { return corner.normal.z; })};
        pixels_[index] = shade(normal, smooth([](const Corner& corner) { return corner.u; }),
                               smooth([](const Corner& corner) { return corner.v; }), colour);
    }

    // light.frag.
    uint32_t shade(Vec3 normal, float u, float v, Vec4 colour) const {
        const Vec3 direction = normalised(normal);
        const float diffuse = std::max(dot(direction, kLight), 0.F);
        const float shine = std::pow(std::max(dot(direction, kHalfway), 0.F), 16.F);
        const float light = 0.25F + 0.65F * diffuse;
        const Vec3 texel = sample(u, v);
        uint32_t pixel = 0xff000000U;
        const std::pair<float, float> channels[] = {
            {colour.x, texel.x}, {colour.y, texel.y}, {colour.z, texel.z}};
        for (uint32_t i = 0; i < 3; i++) {
            const auto [base, image] = channels[i];
            const float value = base * (1 + (image - 1) * colour.w) * light + 0.25F * shine;
            pixel |= static_cast<uint32_t>(std::lround(std::clamp(value, 0.F, 1.F) * 255)) << 8 * i;
        }
        return pixel;
    }

    Vec3 sample(float u, float v) const {
        const float x = u * kTextureSize - 0.5F, y = v * kTextureSize - 0.5F;
        const float left = std::floor(x), top = std::floor(y);
        const Vec3 upper = texel(left, top) * (1 - (x - left)) + texel(left + 1, top) * (x - left);
        const Vec3 lower =
            texel(left, top + 1) * (1 - (x - left)) + texel(left + 1, top + 1) * (x - left);
        return upper * (1 - (y - top)) + lower * (y - top);
    }
    Vec3 texel(float x, float y) const {
        const auto wrapped = [](float at) {
            return static_cast<uint32_t>(static_cast<int>(at)) % kTextureSize;
        };
        const uint32_t value = texture_[wrapped(y) * kTextureSize + wrapped(x)];
        const auto channel = [&](uint32_t shift) {
            return static_cast<float>(value >> shift & 255U) / 255;
        };
        return {channel(0), channel(8), channel(16)};
    }

    uint32_t width_, height_;
    std::span<const uint32_t> texture_;
    std::vector<uint32_t> pixels_;
    std::vector<float> depths_;
};

}  // namespace

std::vector<uint32_t> rasterise(const Scene& scene, std::span<const Placed> placed, uint32_t width,
                                uint32_t height, std::span<const uint32_t> texture) {
    Rasteriser rasteriser(width, height, texture);
    for (const Placed& each : placed) rasteriser.draw(scene.meshes[each.mesh], each.placement);
    return rasteriser.take();
}

}  // namespace viaduct::demo
