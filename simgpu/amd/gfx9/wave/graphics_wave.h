// The state of a wave beyond a compute wave's: what vertex and pixel shaders export, and the
// attributes that pixel shaders interpolate.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "simgpu/amd/gfx9/wave/wave.h"

namespace simgpu::gfx9 {

inline constexpr unsigned kPositionExports = 4;
inline constexpr unsigned kParameterExports = 32;
inline constexpr unsigned kColourTargets = 8;
inline constexpr unsigned kQuadsPerWave = kLanes / 4;

/// One export target: four components, for the lanes of `mask`.
struct ExportTarget {
    Row component[4];
    uint64_t mask = 0;
    uint8_t enabled = 0;      // components that were exported
    bool compressed = false;  // two 16-bit components per register; here unpacked
};

/// The attributes of one primitive as the pixel shader's LDS holds them: the value at vertex 0
/// and the differences of vertices 1 and 2 to it.
struct PrimitiveAttributes {
    float p0[kParameterExports][4];
    float p10[kParameterExports][4];
    float p20[kParameterExports][4];
};

/// Streams of vertices that a geometry shader emits.
inline constexpr unsigned kStreams = 4;

/// The messages that a geometry shader's wave and its lanes have sent.
struct GeometryWave {
    /// Of one lane and stream: vertices so far, and after how many of them strips end.
    struct Lane {
        uint32_t vertices = 0;
        std::vector<uint32_t> ends;

        void cut() {
            if (vertices > (ends.empty() ? 0 : ends.back())) ends.push_back(vertices);
        }
    };
    std::array<std::array<Lane, kLanes>, kStreams> stream;
    uint32_t most_vertices = 0;  // that a lane may emit to a stream
    uint8_t id = 0;              // GS wave id, which M0 names in each message
    bool overflowed = false;
    bool named_another = false;  // by another id in M0
    bool done = false;           // it has sent GS_DONE

    /// Before a wave: it has sent nothing.
    void reset(uint32_t most, uint8_t wave_id) {
        for (auto& lanes : stream)
            for (Lane& lane : lanes) lane.vertices = 0, lane.ends.clear();
        most_vertices = most;
        id = wave_id;
        overflowed = named_another = done = false;
    }
};

struct GraphicsWave {
    std::array<ExportTarget, kPositionExports> position;
    std::array<ExportTarget, kParameterExports> parameter;
    std::array<ExportTarget, kColourTargets> colour;
    ExportTarget depth;
    /// Lanes that no export with the valid-mask bit has dropped.
    uint64_t valid = ~uint64_t{0};
    /// Attributes of the primitive that each quad belongs to.
    std::array<const PrimitiveAttributes*, kQuadsPerWave> quad_attributes{};

    void reset() {
        for (ExportTarget& target : position) target.mask = 0;
        for (ExportTarget& target : parameter) target.mask = 0;
        for (ExportTarget& target : colour) target.mask = 0;
        depth.mask = 0;
        valid = ~uint64_t{0};
        quad_attributes.fill(nullptr);  // a shader may interpolate in lanes that it was not given
    }
};

}  // namespace simgpu::gfx9
