// Vertices and primitives on their way from the index buffer to the rasteriser.
#pragma once

#include <array>
#include <cstdint>

#include "simgpu/amd/gfx9/wave/graphics_wave.h"

namespace simgpu::gfx9::draw {

/// Pixels [left, right) x [top, bottom).
struct Rectangle {
    int32_t left = 0, top = 0, right = 0, bottom = 0;
    void intersect(const Rectangle& other) {
        left = left > other.left ? left : other.left;
        top = top > other.top ? top : other.top;
        right = right < other.right ? right : other.right;
        bottom = bottom < other.bottom ? bottom : other.bottom;
    }
    bool empty() const { return left >= right || top >= bottom; }
};

inline constexpr unsigned kClipDistances = 8;

/// Exports of one vertex.
struct Vertex {
    float position[4] = {};  // clip space
    float point_size = 0;
    uint32_t layer = 0;
    uint32_t viewport = 0;
    float distance[kClipDistances] = {};
    float parameter[kParameterExports][4] = {};
};

/// An assembled primitive: the first `count` vertices, and the provoking one.
struct Primitive {
    enum class Kind : uint8_t { kPoint, kLine, kTriangle, kRectangle };
    Kind kind = Kind::kTriangle;
    uint8_t provoking = 0;  // vertex whose attributes a flat-shaded one has
    uint8_t edges = 7;      // of a polygon that is a triangle of several: bit i from vertex i on
    std::array<const Vertex*, 3> vertex{};
    static constexpr unsigned count_of(Kind kind) {
        return kind == Kind::kPoint ? 1 : kind == Kind::kLine ? 2 : 3;
    }
    unsigned count() const { return count_of(kind); }
};

/// Where primitives go, one after the other. False: stop, the job has ended.
class PrimitiveSink {
  public:
    virtual ~PrimitiveSink() = default;
    virtual bool primitive(const Primitive& primitive) = 0;
};

/// A vertex before it is shaded: what its lane's first VGPRs hold. Of a draw's vertices: index,
/// instance divided by the step rate, nothing, instance. Of tessellated ones: u, v, the patch's
/// number in its group, and in the draw.
struct InputVertex {
    uint64_t id = 0;  // in the draw; later vertices have larger ones
    std::array<uint32_t, 4> value{};
};

inline constexpr unsigned kLargestPatch = 32;

/// A primitive of such vertices: with adjacent ones if its topology has them, or a patch.
struct InputPrimitive {
    Primitive::Kind kind = Primitive::Kind::kTriangle;
    uint8_t provoking = 0;  // as in Primitive: of the vertices that are drawn
    uint8_t edges = 7;
    uint8_t count = 0;
    uint32_t id = 0;  // PrimitiveID
    const InputVertex* vertex[kLargestPatch];

    /// Vertex `i` of those that are drawn: adjacent ones are not.
    const InputVertex& drawn(unsigned i) const {
        if (count == 4) return *vertex[i + 1];
        return *vertex[count == 6 ? 2 * i : i];
    }
};

/// A stage that takes such primitives, and may keep some until it has enough of them.
class InputSink {
  public:
    virtual ~InputSink() = default;
    /// False: stop, the job has ended. The vertices are the caller's.
    virtual bool primitive(const InputPrimitive& primitive) = 0;
    /// Passes on what was kept.
    virtual bool flush() = 0;
};

/// One whose shader may be a domain shader, which reads its patches' attributes off chip.
class ShadingSink : public InputSink {
  public:
    /// Where the buffer of coming vertices' patches begins. To be called after flush().
    virtual void set_off_chip(uint32_t bytes) = 0;
};

/// A corner on the screen. `weight` is the corner's place in the original primitive: how much of
/// vertex 1 and of vertex 2 it is. After clipping these are between 0 and 1.
struct Corner {
    int32_t x = 0, y = 0;  // in 1/256 of a pixel
    float z = 0;
    float inverse_w = 1;
    float weight[2] = {};
};

/// A triangle to be filled, or the half of a rectangle that stands for all of it.
struct ScreenTriangle {
    std::array<Corner, 3> corner;
    const Primitive* primitive = nullptr;
    uint64_t serial = 0;  // differs between primitives of a draw
    bool front = true;
    bool fills_rectangle = false;
    float depth_offset = 0;
    // Point sprites: attributes are replaced by these.
    bool is_point = false;
    uint32_t layer = 0;
    Rectangle bounds;  // scissors
    float z_min = 0, z_max = 1;
};

}  // namespace simgpu::gfx9::draw
