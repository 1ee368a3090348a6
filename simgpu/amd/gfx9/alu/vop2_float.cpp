// VOP2: single and half precision arithmetic.
#include "simgpu/amd/gfx9/alu/valu.h"
#include "simgpu/amd/gfx9/wave/float_math.h"

namespace simgpu::gfx9 {

namespace {

// The multiply-adds of GFX9's VOP2 round twice; the single-precision ones never keep denormals.
constexpr ValuOp kVop2FloatOps[] = {
    lanes(0x01, "v_add_f32", [](float a, float b) { return a + b; }),
    lanes(0x02, "v_sub_f32", [](float a, float b) { return a - b; }),
    lanes(0x03, "v_subrev_f32", [](float a, float b) { return b - a; }),
    lanes(0x04, "v_mul_legacy_f32",
          [](float a, float b) { return a == 0.0f || b == 0.0f ? 0.0f : a * b; }),
    lanes(0x05, "v_mul_f32", [](float a, float b) { return a * b; }),
    lanes(0x0a, "v_min_f32", [](float a, float b) { return min_num(a, b) * kOpaqueOne; }),
    lanes(0x0b, "v_max_f32", [](float a, float b) { return max_num(a, b) * kOpaqueOne; }),
    lanes(0x16, "v_mac_f32", [](float a, float b, float c) { return a * b + c; })
        .with(ValuOp::kAccumulates)
        .in(FpClass::kFlushed),
    lanes(0x17, "v_madmk_f32", [](float a, float b, float c) { return a * b + c; })
        .with(ValuOp::kLiteralSecond)
        .in(FpClass::kFlushed),
    lanes(0x18, "v_madak_f32", [](float a, float b, float c) { return a * b + c; })
        .with(ValuOp::kLiteralThird)
        .in(FpClass::kFlushed),
    lanes(0x1f, "v_add_f16", [](Half a, Half b) -> Half { return float{a} + float{b}; }),
    lanes(0x20, "v_sub_f16", [](Half a, Half b) -> Half { return float{a} - float{b}; }),
    lanes(0x21, "v_subrev_f16", [](Half a, Half b) -> Half { return float{b} - float{a}; }),
    lanes(0x22, "v_mul_f16", [](Half a, Half b) -> Half { return float{a} * float{b}; }),
    lanes(
        0x23, "v_mac_f16",
        [](Half a, Half b, Half c) -> Half { return float{Half(float{a} * float{b})} + float{c}; })
        .with(ValuOp::kAccumulates),
    lanes(
        0x24, "v_madmk_f16",
        [](Half a, Half b, Half c) -> Half { return float{Half(float{a} * float{b})} + float{c}; })
        .with(ValuOp::kLiteralSecond),
    lanes(
        0x25, "v_madak_f16",
        [](Half a, Half b, Half c) -> Half { return float{Half(float{a} * float{b})} + float{c}; })
        .with(ValuOp::kLiteralThird),
    lanes(0x2d, "v_max_f16", [](Half a, Half b) -> Half { return max_num(float{a}, float{b}); }),
    lanes(0x2e, "v_min_f16", [](Half a, Half b) -> Half { return min_num(float{a}, float{b}); }),
    lanes(0x33, "v_ldexp_f16",
          [](Half a, int16_t b) -> Half {
              // Exact in double, so that a denormal result is rounded once.
              return static_cast<float>(load_exponent(static_cast<double>(float{a}), b));
          }),
};

}  // namespace

ValuTable vop2_float_ops() {
    return kVop2FloatOps;
}

}  // namespace simgpu::gfx9
