// The fixed-function tessellator: from a patch's factors to points of its domain, and primitives
// of them. Places are computed as in Direct3D 11's reference, which GPUs follow to the last bit: in
// fixed point with 16 bits behind the point.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace simgpu::gfx9::draw {

/// VGT_TF_PARAM, and VGT_HOS_MAX_TESS_LEVEL.
struct TessellatorState {
    enum class Domain : uint8_t { kIsolines, kTriangles, kQuads };
    enum class Partitioning : uint8_t { kInteger, kPowerOfTwo, kFractionalOdd, kFractionalEven };
    /// The direction of triangles is the one seen with u to the right and v downwards.
    enum class Output : uint8_t { kPoints, kLines, kClockwise, kCounterClockwise };

    Domain domain = Domain::kTriangles;
    Partitioning partitioning = Partitioning::kInteger;
    Output output = Output::kClockwise;
    float largest_factor = 64;

    static TessellatorState read(uint32_t parameters, float largest_factor);
    /// A sentence about a reserved value; else empty.
    std::string problem() const;
    /// A patch's factors in the ring: of its edges, then of its inside. Isolines have the number of
    /// segments first, then that of lines.
    unsigned factors() const {
        return domain == Domain::kIsolines ? 2 : domain == Domain::kTriangles ? 4 : 6;
    }
    unsigned vertices_each() const {
        return output == Output::kPoints ? 1 : output == Output::kLines ? 2 : 3;
    }
};

inline constexpr unsigned kMostFactors = 6;

/// Points of a domain, and primitives: vertices_each() indices of points for each of them. None if
/// the patch was culled.
struct Tessellation {
    struct Point {
        float u, v;
    };
    std::vector<Point> points;
    std::vector<uint16_t> indices;
};

Tessellation tessellate(const TessellatorState& state,
                        const std::array<float, kMostFactors>& factors);

}  // namespace simgpu::gfx9::draw
