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

constexpr ValuOp kVop1ConvertOps[] = {
    lanes(0x03, "v_cvt_i32_f64", [](double a) { return saturating_cast<i32>(a); }),
    lanes(0x04, "v_cvt_f64_i32", [](i32 a) { return static_cast<double>(a); }),
    lanes(0x05, "v_cvt_f32_i32", [](i32 a) { return static_cast<float>(a); }),
    lanes(0x06, "v_cvt_f32_u32", [](u32 a) { return from_u32(a); }),
    lanes(0x07, "v_cvt_u32_f32", [](float a) { return saturating_cast<u32>(a); }),
    lanes(0x08, "v_cvt_i32_f32", [](float a) { return saturating_cast<i32>(a); }),
    lanes(0x0a, "v_cvt_f16_f32", [](float a) -> Half { return a; }),
    lanes(0x0b, "v_cvt_f32_f16", [](Half a) { return float{a}; }),
    lanes(0x0c, "v_cvt_rpi_i32_f32",
          [](float a) { return saturating_cast<i32>(round_down(a + 0.5f)); }),
    lanes(0x0d, "v_cvt_flr_i32_f32", [](float a) { return saturating_cast<i32>(round_down(a)); }),
    lanes(0x0e, "v_cvt_off_f32_i4",
          [](u32 a) { return static_cast<float>(static_cast<i32>(a << 28) >> 28) * 0x1p-4f; }),
    lanes(0x0f, "v_cvt_f32_f64", [](double a) { return static_cast<float>(a); }),
    lanes(0x10, "v_cvt_f64_f32", [](float a) { return static_cast<double>(a); }),
    lanes(0x11, "v_cvt_f32_ubyte0", [](u32 a) { return byte_of(a, 0); }),
    lanes(0x12, "v_cvt_f32_ubyte1", [](u32 a) { return byte_of(a, 1); }),
    lanes(0x13, "v_cvt_f32_ubyte2", [](u32 a) { return byte_of(a, 2); }),
    lanes(0x14, "v_cvt_f32_ubyte3", [](u32 a) { return byte_of(a, 3); }),
    lanes(0x15, "v_cvt_u32_f64", [](double a) { return saturating_cast<u32>(a); }),
    lanes(0x16, "v_cvt_f64_u32", [](u32 a) { return static_cast<double>(a); }),
    lanes(0x39, "v_cvt_f16_u16", [](u16 a) -> Half { return static_cast<float>(a); }),
    lanes(0x3a, "v_cvt_f16_i16", [](i16 a) -> Half { return static_cast<float>(a); }),
    lanes(0x3b, "v_cvt_u16_f16", [](Half a) { return saturating_cast<u16>(float{a}); }),
    lanes(0x3c, "v_cvt_i16_f16", [](Half a) { return saturating_cast<i16>(float{a}); }),
    lanes(0x4d, "v_cvt_norm_i16_f16", [](Half a) { return to_snorm16(a); }),
    lanes(0x4e, "v_cvt_norm_u16_f16", [](Half a) { return to_unorm16(a); }),
};

}  // namespace

ValuTable vop1_convert_ops() {
    return kVop1ConvertOps;
}

}  // namespace simgpu::gfx9
