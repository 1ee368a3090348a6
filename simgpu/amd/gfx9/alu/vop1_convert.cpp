// VOP1: conversions between number formats.
#include "simgpu/amd/gfx9/alu/int_types.h"
#include "simgpu/amd/gfx9/alu/valu.h"
#include "simgpu/amd/gfx9/wave/float_math.h"

namespace simgpu::gfx9 {

namespace {

float from_u32(u32 x) {
    // In double, where it is exact, so that one rounding in the current mode remains.
    return static_cast<float>(static_cast<double>(x));
}
float byte_of(u32 x, unsigned n) {
    return static_cast<float>(static_cast<i32>((x >> (8 * n)) & 0xff));
}
// V_CVT_NORM: [-1, 1] or [0, 1] to a 16-bit fixed-point number.
i16 to_snorm16(float x) {
    return saturating_cast<i16>(round_even(median(x, -1.0f, 1.0f) * 32767.0f));
}
u16 to_unorm16(float x) {
    return saturating_cast<u16>(round_even(median(x, 0.0f, 1.0f) * 65535.0f));
}

constexpr ValuOp kOps[] = {
    lanes<[](double a) { return saturating_cast<i32>(a); }>(0x03, "v_cvt_i32_f64"),
    lanes<[](i32 a) { return static_cast<double>(a); }>(0x04, "v_cvt_f64_i32"),
    lanes<[](i32 a) { return static_cast<float>(a); }>(0x05, "v_cvt_f32_i32"),
    lanes<[](u32 a) { return from_u32(a); }>(0x06, "v_cvt_f32_u32"),
    lanes<[](float a) { return saturating_cast<u32>(a); }>(0x07, "v_cvt_u32_f32"),
    lanes<[](float a) { return saturating_cast<i32>(a); }>(0x08, "v_cvt_i32_f32"),
    lanes<[](float a) -> Half { return a; }>(0x0a, "v_cvt_f16_f32"),
    lanes<[](Half a) { return float{a}; }>(0x0b, "v_cvt_f32_f16"),
    lanes<[](float a) { return saturating_cast<i32>(round_down(a + 0.5f)); }>(0x0c,
                                                                              "v_cvt_rpi_i32_f32"),
    lanes<[](float a) { return saturating_cast<i32>(round_down(a)); }>(0x0d, "v_cvt_flr_i32_f32"),
    lanes<[](u32 a) { return static_cast<float>(static_cast<i32>(a << 28) >> 28) * 0x1p-4f; }>(
        0x0e, "v_cvt_off_f32_i4"),
    lanes<[](double a) { return static_cast<float>(a); }>(0x0f, "v_cvt_f32_f64"),
    lanes<[](float a) { return static_cast<double>(a); }>(0x10, "v_cvt_f64_f32"),
    lanes<[](u32 a) { return byte_of(a, 0); }>(0x11, "v_cvt_f32_ubyte0"),
    lanes<[](u32 a) { return byte_of(a, 1); }>(0x12, "v_cvt_f32_ubyte1"),
    lanes<[](u32 a) { return byte_of(a, 2); }>(0x13, "v_cvt_f32_ubyte2"),
    lanes<[](u32 a) { return byte_of(a, 3); }>(0x14, "v_cvt_f32_ubyte3"),
    lanes<[](double a) { return saturating_cast<u32>(a); }>(0x15, "v_cvt_u32_f64"),
    lanes<[](u32 a) { return static_cast<double>(a); }>(0x16, "v_cvt_f64_u32"),
    lanes<[](u16 a) -> Half { return static_cast<float>(a); }>(0x39, "v_cvt_f16_u16"),
    lanes<[](i16 a) -> Half { return static_cast<float>(a); }>(0x3a, "v_cvt_f16_i16"),
    lanes<[](Half a) { return saturating_cast<u16>(float{a}); }>(0x3b, "v_cvt_u16_f16"),
    lanes<[](Half a) { return saturating_cast<i16>(float{a}); }>(0x3c, "v_cvt_i16_f16"),
    lanes<[](Half a) { return to_snorm16(a); }>(0x4d, "v_cvt_norm_i16_f16"),
    lanes<[](Half a) { return to_unorm16(a); }>(0x4e, "v_cvt_norm_u16_f16"),
};

}  // namespace

ValuTable vop1_convert_ops() {
    return kOps;
}

}  // namespace simgpu::gfx9
