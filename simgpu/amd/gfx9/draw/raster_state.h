// Clipping, viewport and rasterisation state: the PA_* registers.
#pragma once

#include <array>
#include <cstdint>

#include "simgpu/amd/gfx9/draw/draw.h"
#include "simgpu/amd/gfx9/draw/geometry.h"
#include "simgpu/amd/gfx9/draw/sample_pattern.h"

namespace simgpu::gfx9::draw {

inline constexpr unsigned kViewports = 16;
inline constexpr unsigned kClipPlanes = 6;
inline constexpr int32_t kSubpixels = 256;  // per pixel: QUANT_MODE 16.8

struct Viewport {
    float scale[3] = {1, 1, 1};
    float offset[3] = {};
    float z_min = 0, z_max = 1;
    Rectangle scissor;
};

struct ClipState {
    bool enabled = false;
    bool z_from_zero = false;  // DX_CLIP_SPACE_DEF: 0 <= z <= w rather than -w <= z <= w
    bool near = true, far = true;
    uint8_t clip_distances = 0;  // bit per exported distance
    uint8_t cull_distances = 0;
    uint8_t planes = 0;  // bit per plane that positions are clipped by
    float plane[kClipPlanes][4] = {};
    float guard_band[2] = {1, 1};
    // PA_CL_VTE_CNTL: what the vertex shader has left to do.
    bool divide_xy = true, divide_z = true, invert_w = true;
};

/// Which exports hold what beyond the position (PA_CL_VS_OUT_CNTL).
struct VertexOutputs {
    bool misc_vector = false;
    bool distance_vector[2] = {};
    bool point_size = false, layer = false, viewport = false;
};

struct DepthOffset {
    bool enabled = false;
    float scale = 0, units = 0;
};

/// The parts of a polygon that are drawn (POLYMODE_FRONT_PTYPE).
enum class FillMode : uint8_t { kPoints, kLines, kTriangles };

struct RasterState {
    bool kill_all = false;  // DX_RASTERIZATION_KILL
    bool cull_front = false, cull_back = false;
    bool front_is_clockwise = false;
    FillMode front_fill = FillMode::kTriangles, back_fill = FillMode::kTriangles;
    bool provoking_last = false;
    int32_t pixel_centre = kSubpixels / 2;
    float half_line_width = 0.5f;
    float half_point_size = 0.5f, half_point_min = 0, half_point_max = 8192;
    DepthOffset front_offset, back_offset;
    float offset_clamp = 0;
    int8_t offset_bits = -24;  // log2 of the unit; of its mantissa with `offset_is_float`
    bool offset_is_float = false;
    SamplePattern samples;
    ClipState clip;
    VertexOutputs outputs;
    std::array<Viewport, kViewports> viewports;

    static RasterState read(const RegisterReader& registers);
};

}  // namespace simgpu::gfx9::draw
