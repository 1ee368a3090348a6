// VOP2: single and half precision arithmetic.
#include "simgpu/amd/gfx9/alu/valu.h"
#include "simgpu/amd/gfx9/wave/float_math.h"

namespace simgpu::gfx9 {

namespace {

// The multiply-adds of GFX9's VOP2 round twice; the single-precision ones never keep denormals.
constexpr ValuOp kOps[] = {
    lanes<[](float a, float b) { return a + b; }>(0x01, "v_add_f32"),
    lanes<[](float a, float b) { return a - b; }>(0x02, "v_sub_f32"),
    lanes<[](float a, float b) { return b - a; }>(0x03, "v_subrev_f32"),
    lanes<[](float a, float b) { return a == 0.0f || b == 0.0f ? 0.0f : a * b; }>(
        0x04, "v_mul_legacy_f32"),
    lanes<[](float a, float b) { return a * b; }>(0x05, "v_mul_f32"),
    lanes<[](float a, float b) { return min_num(a, b) * kOpaqueOne; }>(0x0a, "v_min_f32"),
    lanes<[](float a, float b) { return max_num(a, b) * kOpaqueOne; }>(0x0b, "v_max_f32"),
    lanes<[](float a, float b, float c) { return a * b + c; }>(0x16, "v_mac_f32")
        .with(ValuOp::kAccumulates)
        .in(FpClass::kFlushed),
    lanes<[](float a, float b, float c) { return a * b + c; }>(0x17, "v_madmk_f32")
        .with(ValuOp::kLiteralSecond)
        .in(FpClass::kFlushed),
    lanes<[](float a, float b, float c) { return a * b + c; }>(0x18, "v_madak_f32")
        .with(ValuOp::kLiteralThird)
        .in(FpClass::kFlushed),
    lanes<[](Half a, Half b) -> Half { return float{a} + float{b}; }>(0x1f, "v_add_f16"),
    lanes<[](Half a, Half b) -> Half { return float{a} - float{b}; }>(0x20, "v_sub_f16"),
    lanes<[](Half a, Half b) -> Half { return float{b} - float{a}; }>(0x21, "v_subrev_f16"),
    lanes<[](Half a, Half b) -> Half { return float{a} * float{b}; }>(0x22, "v_mul_f16"),
    lanes<[](Half a, Half b, Half c) -> Half {
        return float{Half(float{a} * float{b})} + float{c};
    }>(0x23, "v_mac_f16")
        .with(ValuOp::kAccumulates),
    lanes<[](Half a, Half b, Half c) -> Half {
        return float{Half(float{a} * float{b})} + float{c};
    }>(0x24, "v_madmk_f16")
        .with(ValuOp::kLiteralSecond),
    lanes<[](Half a, Half b, Half c) -> Half {
        return float{Half(float{a} * float{b})} + float{c};
    }>(0x25, "v_madak_f16")
        .with(ValuOp::kLiteralThird),
    lanes<[](Half a, Half b) -> Half { return max_num(float{a}, float{b}); }>(0x2d, "v_max_f16"),
    lanes<[](Half a, Half b) -> Half { return min_num(float{a}, float{b}); }>(0x2e, "v_min_f16"),
    lanes<[](Half a, int16_t b) -> Half {
        // Exact in double, so that a denormal result is rounded once.
        return static_cast<float>(load_exponent(static_cast<double>(float{a}), b));
    }>(0x33, "v_ldexp_f16"),
};

}  // namespace

ValuTable vop2_float_ops() {
    return kOps;
}

}  // namespace simgpu::gfx9
