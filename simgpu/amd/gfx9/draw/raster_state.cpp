#include "simgpu/amd/gfx9/draw/raster_state.h"

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/draw/registers.h"

namespace simgpu::gfx9::draw {

namespace {

// Byte addresses (GFX9 register headers).
constexpr uint32_t kScreenScissor = 0x28030, kWindowScissor = 0x28204, kGenericScissor = 0x28240;
constexpr uint32_t kViewportScissor = 0x28250, kViewportZMin = 0x282d0, kViewportScale = 0x2843c;
constexpr uint32_t kTransformControl = 0x28818;
constexpr uint32_t kOutputControl = 0x2881c, kVertexControl = 0x28be4;
constexpr uint32_t kPointSize = 0x28a00, kPointLimits = 0x28a04, kLineControl = 0x28a08;
constexpr uint32_t kOffsetFormat = 0x28b78;  // and: clamp, front scale and offset, back ones
constexpr uint32_t kClipPlane = 0x285bc;  // PA_CL_UCP_0_X; Y, Z and W follow, then the next plane
constexpr uint32_t kGuardBandY = 0x28be8, kGuardBandX = 0x28bf0;

constexpr int32_t kLargestScreen = 16384;

Rectangle rectangle(uint32_t top_left, uint32_t bottom_right, unsigned coordinate_bits) {
    const auto x = [&](uint32_t word) {
        return static_cast<int32_t>(bits(word, 0, coordinate_bits));
    };
    return {x(top_left), x(top_left >> 16), x(bottom_right), x(bottom_right >> 16)};
}

Rectangle scissor(const RegisterReader& registers, uint32_t first) {
    return rectangle(registers(first), registers(first + 4), 15);
}

Viewport read_viewport(const RegisterReader& registers, uint32_t index) {
    Viewport viewport;
    for (uint32_t axis = 0; axis < 3; axis++) {
        viewport.scale[axis] = as_float(registers(kViewportScale + 24 * index + 8 * axis));
        viewport.offset[axis] = as_float(registers(kViewportScale + 24 * index + 8 * axis + 4));
    }
    viewport.z_min = as_float(registers(kViewportZMin + 8 * index));
    viewport.z_max = as_float(registers(kViewportZMin + 8 * index + 4));
    viewport.scissor = {0, 0, kLargestScreen, kLargestScreen};
    viewport.scissor.intersect(
        rectangle(registers(kScreenScissor), registers(kScreenScissor + 4), 16));
    viewport.scissor.intersect(scissor(registers, kWindowScissor));
    viewport.scissor.intersect(scissor(registers, kGenericScissor));
    const bool own = bit_of(registers(kScanMode), 1);  // VPORT_SCISSOR_ENABLE
    if (own) viewport.scissor.intersect(scissor(registers, kViewportScissor + 8 * index));
    return viewport;
}

// The scale and offset bits that are off leave a coordinate as it is.
void apply_transform_control(Viewport& viewport, uint32_t control) {
    for (unsigned axis = 0; axis < 3; axis++) {
        if (!bit_of(control, 2 * axis)) viewport.scale[axis] = 1;
        if (!bit_of(control, 2 * axis + 1)) viewport.offset[axis] = 0;
    }
}

ClipState read_clip(const RegisterReader& registers) {
    const uint32_t control = registers(kClipControl), transform = registers(kTransformControl);
    const uint32_t outputs = registers(kOutputControl);
    ClipState clip;
    clip.enabled = !bit_of(control, 16);
    clip.z_from_zero = bit_of(control, 19);
    clip.near = !bit_of(control, 26);
    clip.far = !bit_of(control, 27);
    clip.clip_distances = static_cast<uint8_t>(bits(outputs, 0, 8));
    clip.cull_distances = static_cast<uint8_t>(bits(outputs, 8, 8));
    clip.planes = static_cast<uint8_t>(bits(control, 0, kClipPlanes));
    for (uint32_t i = 0; i < kClipPlanes; i++)
        for (uint32_t c = 0; c < 4; c++)
            clip.plane[i][c] = as_float(registers(kClipPlane + 16 * i + 4 * c));
    clip.guard_band[0] = as_float(registers(kGuardBandX));
    clip.guard_band[1] = as_float(registers(kGuardBandY));
    for (float& factor : clip.guard_band)
        if (!(factor >= 1.0f)) factor = 1.0f;
    clip.divide_xy = !bit_of(transform, 8);
    clip.divide_z = !bit_of(transform, 9);
    clip.invert_w = bit_of(transform, 10);
    return clip;
}

VertexOutputs read_outputs(uint32_t control) {
    VertexOutputs outputs;
    outputs.point_size = bit_of(control, 16);
    outputs.layer = bit_of(control, 18);
    outputs.viewport = bit_of(control, 19);
    outputs.misc_vector = bit_of(control, 21);
    outputs.distance_vector[0] = bit_of(control, 22);
    outputs.distance_vector[1] = bit_of(control, 23);
    return outputs;
}

// Half sizes, in 1/16 of a pixel.
float half_size(uint32_t word, unsigned low) {
    return static_cast<float>(bits(word, low, 16)) / 16.0f;
}

FillMode fill_mode(uint32_t number) {
    return number >= 2 ? FillMode::kTriangles : static_cast<FillMode>(number);
}

void read_depth_offset(RasterState& state, const RegisterReader& registers) {
    const uint32_t mode = registers(kSetupMode), format = registers(kOffsetFormat);
    state.offset_bits = static_cast<int8_t>(bits(format, 0, 8));
    state.offset_is_float = bit_of(format, 8);
    state.offset_clamp = as_float(registers(kOffsetFormat + 4));
    // Slopes are scaled per 1/16 of a pixel.
    const auto offset = [&](bool enabled, uint32_t first) {
        return DepthOffset{enabled, as_float(registers(first)) / 16.0f,
                           as_float(registers(first + 4))};
    };
    state.front_offset = offset(bit_of(mode, 11), kOffsetFormat + 8);
    state.back_offset = offset(bit_of(mode, 12), kOffsetFormat + 16);
}

}  // namespace

RasterState RasterState::read(const RegisterReader& registers) {
    const uint32_t mode = registers(kSetupMode);
    RasterState state;
    state.kill_all = bit_of(registers(kClipControl), 22);
    state.cull_front = bit_of(mode, 0);
    state.cull_back = bit_of(mode, 1);
    state.front_is_clockwise = bit_of(mode, 2);
    if (bits(mode, 3, 2) == 1) {  // POLY_MODE
        state.front_fill = fill_mode(bits(mode, 5, 3));
        state.back_fill = fill_mode(bits(mode, 8, 3));
    }
    state.provoking_last = bit_of(mode, 19);
    state.pixel_centre = bit_of(registers(kVertexControl), 0) ? kSubpixels / 2 : 0;
    state.half_line_width = half_size(registers(kLineControl), 0);
    state.half_point_size = half_size(registers(kPointSize), 0);
    state.half_point_min = half_size(registers(kPointLimits), 0);
    state.half_point_max = half_size(registers(kPointLimits), 16);
    read_depth_offset(state, registers);
    state.samples = SamplePattern::read(registers);
    state.clip = read_clip(registers);
    state.outputs = read_outputs(registers(kOutputControl));
    for (uint32_t i = 0; i < kViewports; i++) {
        state.viewports[i] = read_viewport(registers, i);
        apply_transform_control(state.viewports[i], registers(kTransformControl));
    }
    return state;
}

}  // namespace simgpu::gfx9::draw
