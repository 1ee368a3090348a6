// VOP3-only floating-point instructions (division has a file of its own).
#include "simgpu/amd/gfx9/alu/int_types.h"
#include "simgpu/amd/gfx9/alu/valu.h"
#include "simgpu/amd/gfx9/wave/float_math.h"

namespace simgpu::gfx9 {

namespace {

float mad_legacy(float a, float b, float c) {
    return (a == 0.0f || b == 0.0f ? 0.0f : a * b) + c;
}

// The faces of a cube map: 0/1 +-x, 2/3 +-y, 4/5 +-z (Vega ISA, V_CUBEID_F32).
enum class Axis { kX, kY, kZ };
Axis major_axis(float x, float y, float z) {
    if (std::fabs(z) >= std::fabs(x) && std::fabs(z) >= std::fabs(y)) return Axis::kZ;
    return std::fabs(y) >= std::fabs(x) ? Axis::kY : Axis::kX;
}
float cube_face(float x, float y, float z) {
    switch (major_axis(x, y, z)) {
        case Axis::kZ:
            return z < 0 ? 5.0f : 4.0f;
        case Axis::kY:
            return y < 0 ? 3.0f : 2.0f;
        default:
            return x < 0 ? 1.0f : 0.0f;
    }
}
float cube_s(float x, float y, float z) {
    switch (major_axis(x, y, z)) {
        case Axis::kZ:
            return z < 0 ? -x : x;
        case Axis::kY:
            return x;
        default:
            return x < 0 ? z : -z;
    }
}
float cube_t(float x, float y, float z) {
    if (major_axis(x, y, z) == Axis::kY) return y < 0 ? -z : z;
    return -y;
}
float cube_major(float x, float y, float z) {
    switch (major_axis(x, y, z)) {
        case Axis::kZ:
            return 2.0f * z;
        case Axis::kY:
            return 2.0f * y;
        default:
            return 2.0f * x;
    }
}

// V_CVT_PKRTZ rounds towards zero whatever the mode says.
uint16_t half_towards_zero(float value) {
    const auto bits = std::bit_cast<u32>(value);
    const u32 sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    u32 half;
    if (magnitude > 0x7f800000u)
        half = 0x7e00u;
    else if (magnitude == 0x7f800000u)
        half = 0x7c00u;
    else if (magnitude >= (143u << 23))  // 2^16
        half = 0x7bffu;
    else if (magnitude >= (113u << 23))  // 2^-14
        half = (magnitude >> 13) - (112u << 10);
    else if (magnitude >= (103u << 23))  // 2^-24
        half = ((magnitude & 0x7fffffu) | 0x800000u) >> (126 - (magnitude >> 23));
    else
        half = 0;
    return static_cast<uint16_t>(half | sign);
}

u32 pack(uint16_t low, uint16_t high) {
    return low | static_cast<u32>(high) << 16;
}
uint16_t to_snorm16(float x) {
    return static_cast<uint16_t>(
        saturating_cast<int16_t>(round_even(median(x, -1.0f, 1.0f) * 32767.0f)));
}
uint16_t to_unorm16(float x) {
    return saturating_cast<uint16_t>(round_even(median(x, 0.0f, 1.0f) * 65535.0f));
}
u32 insert_byte(float value, u32 position, u32 into) {
    const unsigned shift = 8 * (position & 3);
    const u32 byte = saturating_cast<uint8_t>(round_even(value));
    return (into & ~(0xffu << shift)) | byte << shift;
}

Half twice_rounded(Half a, Half b, Half c) {
    return float{Half(float{a} * float{b})} + float{c};
}

constexpr ValuOp kVop3FloatOps[] = {
    lanes(0x1c0, "v_mad_legacy_f32", [](float a, float b, float c) { return mad_legacy(a, b, c); })
        .in(FpClass::kFlushed),
    lanes(0x1c1, "v_mad_f32", [](float a, float b, float c) { return a * b + c; })
        .in(FpClass::kFlushed),
    lanes(0x1c4, "v_cubeid_f32", [](float a, float b, float c) { return cube_face(a, b, c); }),
    lanes(0x1c5, "v_cubesc_f32", [](float a, float b, float c) { return cube_s(a, b, c); }),
    lanes(0x1c6, "v_cubetc_f32", [](float a, float b, float c) { return cube_t(a, b, c); }),
    lanes(0x1c7, "v_cubema_f32", [](float a, float b, float c) { return cube_major(a, b, c); }),
    lanes(0x1cb, "v_fma_f32", [](float a, float b, float c) { return std::fma(a, b, c); }),
    lanes(0x1cc, "v_fma_f64", [](double a, double b, double c) { return std::fma(a, b, c); }),
    lanes(0x1d0, "v_min3_f32",
          [](float a, float b, float c) { return min3(a, b, c) * kOpaqueOne; }),
    lanes(0x1d3, "v_max3_f32",
          [](float a, float b, float c) { return max3(a, b, c) * kOpaqueOne; }),
    lanes(0x1d6, "v_med3_f32",
          [](float a, float b, float c) { return median(a, b, c) * kOpaqueOne; }),
    lanes(0x1dd, "v_cvt_pk_u8_f32", [](float a, u32 b, u32 c) { return insert_byte(a, b, c); }),
    lanes(0x1ea, "v_mad_legacy_f16", [](Half a, Half b, Half c) { return twice_rounded(a, b, c); }),
    lanes(0x1ee, "v_fma_legacy_f16",
          [](Half a, Half b, Half c) { return fused_multiply_add(a, b, c); }),
    lanes(0x1f4, "v_min3_f16", [](Half a, Half b, Half c) -> Half { return min3<float>(a, b, c); })
        .with(ValuOp::kKeepsHigh),
    lanes(0x1f7, "v_max3_f16", [](Half a, Half b, Half c) -> Half { return max3<float>(a, b, c); })
        .with(ValuOp::kKeepsHigh),
    lanes(0x1fa, "v_med3_f16",
          [](Half a, Half b, Half c) -> Half { return median<float>(a, b, c); })
        .with(ValuOp::kKeepsHigh),
    lanes(0x203, "v_mad_f16", [](Half a, Half b, Half c) { return twice_rounded(a, b, c); })
        .with(ValuOp::kKeepsHigh),
    lanes(0x206, "v_fma_f16", [](Half a, Half b, Half c) { return fused_multiply_add(a, b, c); })
        .with(ValuOp::kKeepsHigh),
    lanes(0x280, "v_add_f64", [](double a, double b) { return a + b; }),
    lanes(0x281, "v_mul_f64", [](double a, double b) { return a * b; }),
    lanes(0x282, "v_min_f64", [](double a, double b) { return min_num(a, b) * kOpaqueOne; }),
    lanes(0x283, "v_max_f64", [](double a, double b) { return max_num(a, b) * kOpaqueOne; }),
    lanes(0x284, "v_ldexp_f64", [](double a, int32_t b) { return load_exponent(a, b); }),
    lanes(0x288, "v_ldexp_f32", [](float a, int32_t b) { return load_exponent(a, b); }),
    lanes(0x294, "v_cvt_pknorm_i16_f32",
          [](float a, float b) { return pack(to_snorm16(a), to_snorm16(b)); }),
    lanes(0x295, "v_cvt_pknorm_u16_f32",
          [](float a, float b) { return pack(to_unorm16(a), to_unorm16(b)); }),
    lanes(0x296, "v_cvt_pkrtz_f16_f32",
          [](float a, float b) { return pack(half_towards_zero(a), half_towards_zero(b)); })
        .in(FpClass::kDouble),
    lanes(0x299, "v_cvt_pknorm_i16_f16",
          [](Half a, Half b) { return pack(to_snorm16(a), to_snorm16(b)); }),
    lanes(0x29a, "v_cvt_pknorm_u16_f16",
          [](Half a, Half b) { return pack(to_unorm16(a), to_unorm16(b)); }),
    lanes(0x2a0, "v_pack_b32_f16", [](Half a, Half b) { return pack(a.bits, b.bits); }),
};

}  // namespace

ValuTable vop3_float_ops() {
    return kVop3FloatOps;
}

}  // namespace simgpu::gfx9
