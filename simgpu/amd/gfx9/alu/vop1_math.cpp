// VOP1: rounding, transcendental functions, and taking floats apart.
#include "simgpu/amd/gfx9/alu/valu.h"
#include "simgpu/amd/gfx9/wave/float_math.h"

namespace simgpu::gfx9 {

const float kOpaqueOne = [] {
    const volatile float one = 1;
    return one;
}();

namespace {

constexpr ValuOp kVop1MathOps[] = {
    lanes(0x17, "v_trunc_f64", [](double a) { return truncate(a); }),
    lanes(0x18, "v_ceil_f64", [](double a) { return round_up(a); }),
    lanes(0x19, "v_rndne_f64", [](double a) { return round_even(a); }),
    lanes(0x1a, "v_floor_f64", [](double a) { return round_down(a); }),
    lanes(0x1b, "v_fract_f32", [](float a) { return fraction(a); }),
    lanes(0x1c, "v_trunc_f32", [](float a) { return truncate(a); }),
    lanes(0x1d, "v_ceil_f32", [](float a) { return round_up(a); }),
    lanes(0x1e, "v_rndne_f32", [](float a) { return round_even(a); }),
    lanes(0x1f, "v_floor_f32", [](float a) { return round_down(a); }),
    lanes(0x20, "v_exp_f32", [](float a) { return std::exp2(a); }),
    lanes(0x21, "v_log_f32", [](float a) { return std::log2(a); }),
    lanes(0x22, "v_rcp_f32", [](float a) { return 1.0f / a; }),
    lanes(0x23, "v_rcp_iflag_f32", [](float a) { return 1.0f / a; }),
    lanes(0x24, "v_rsq_f32", [](float a) { return reciprocal_root(a); }),
    lanes(0x25, "v_rcp_f64", [](double a) { return 1.0 / a; }),
    lanes(0x26, "v_rsq_f64", [](double a) { return 1.0 / std::sqrt(a); }),
    lanes(0x27, "v_sqrt_f32", [](float a) { return std::sqrt(a); }),
    lanes(0x28, "v_sqrt_f64", [](double a) { return std::sqrt(a); }),
    lanes(0x29, "v_sin_f32", [](float a) { return sine_of_turns(a); }),
    lanes(0x2a, "v_cos_f32", [](float a) { return cosine_of_turns(a); }),
    lanes(0x30, "v_frexp_exp_i32_f64", [](double a) { return frexp_exponent(a); }),
    lanes(0x31, "v_frexp_mant_f64", [](double a) { return frexp_mantissa(a); }),
    lanes(0x32, "v_fract_f64", [](double a) { return fraction(a); }),
    lanes(0x33, "v_frexp_exp_i32_f32", [](float a) { return frexp_exponent(a); }),
    lanes(0x34, "v_frexp_mant_f32", [](float a) { return frexp_mantissa(a); }),
    lanes(0x3d, "v_rcp_f16", [](Half a) -> Half { return 1.0f / float{a}; }),
    lanes(0x3e, "v_sqrt_f16", [](Half a) -> Half { return std::sqrt(float{a}); }),
    lanes(0x3f, "v_rsq_f16", [](Half a) -> Half { return reciprocal_root(a); }),
    lanes(0x40, "v_log_f16", [](Half a) -> Half { return std::log2(float{a}); }),
    lanes(0x41, "v_exp_f16", [](Half a) -> Half { return std::exp2(float{a}); }),
    lanes(0x42, "v_frexp_mant_f16", [](Half a) -> Half { return frexp_mantissa(float{a}); }),
    lanes(0x43, "v_frexp_exp_i16_f16",
          [](Half a) { return static_cast<int16_t>(frexp_exponent(float{a})); }),
    lanes(0x44, "v_floor_f16", [](Half a) -> Half { return round_down(float{a}); }),
    lanes(0x45, "v_ceil_f16", [](Half a) -> Half { return round_up(float{a}); }),
    lanes(0x46, "v_trunc_f16", [](Half a) -> Half { return truncate(float{a}); }),
    lanes(0x47, "v_rndne_f16", [](Half a) -> Half { return round_even(float{a}); }),
    lanes(0x48, "v_fract_f16",
          [](Half a) -> Half {
              const float rest = float{a} - round_down(float{a});
              return 0x1.ffcp-1f < rest ? 0x1.ffcp-1f : rest;
          }),
    lanes(0x49, "v_sin_f16", [](Half a) -> Half { return sine_of_turns(a); }),
    lanes(0x4a, "v_cos_f16", [](Half a) -> Half { return cosine_of_turns(a); }),
    lanes(0x4b, "v_exp_legacy_f32", [](float a) { return std::exp2(a); }),
    lanes(0x4c, "v_log_legacy_f32", [](float a) { return std::log2(a); }),
};

}  // namespace

ValuTable vop1_math_ops() {
    return kVop1MathOps;
}

}  // namespace simgpu::gfx9
