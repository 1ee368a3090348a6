#include "simgpu/amd/gfx9/wave/fp_environment.h"

#include "simgpu/amd/gfx9/wave/wave.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#else
#include <cfenv>
#endif

namespace simgpu::gfx9 {

namespace {

#if defined(__SSE2__)

// MXCSR (Intel SDM volume 1, 10.2.3): exceptions masked, rounding in [14:13], FTZ 15, DAZ 6.
constexpr uint32_t kMasked = 0x1f80;
constexpr uint32_t kFlushResults = 1u << 15;
constexpr uint32_t kDenormalsAreZero = 1u << 6;
// MODE.FP_ROUND: nearest even, +infinity, -infinity, zero.
constexpr uint32_t kRounding[] = {0u << 13, 2u << 13, 1u << 13, 3u << 13};

uint32_t read_control() {
    return _mm_getcsr();
}
void write_control(uint32_t control) {
    _mm_setcsr(control);
}
uint32_t make_control(uint32_t round, uint32_t denormals) {
    // MODE.FP_DENORM: bit 0 keeps denormal inputs, bit 1 denormal results.
    return kMasked | kRounding[round & 3] | (denormals & 1 ? 0 : kDenormalsAreZero) |
           (denormals & 2 ? 0 : kFlushResults);
}

#else

// Elsewhere only the rounding mode is followed; denormals are always kept.
constexpr int kRounding[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

uint32_t read_control() {
    return static_cast<uint32_t>(std::fegetround());
}
void write_control(uint32_t control) {
    std::fesetround(static_cast<int>(control));
}
uint32_t make_control(uint32_t round, uint32_t) {
    return static_cast<uint32_t>(kRounding[round & 3]);
}

#endif

}  // namespace

FpEnvironment::FpEnvironment() : saved_(read_control()), current_(saved_) {}

FpEnvironment::~FpEnvironment() {
    write_control(saved_);
}

uint32_t FpEnvironment::control_for(FpClass fp, uint32_t mode_bits) {
    if (fp == FpClass::kDouble)
        return make_control(mode_bits >> mode::kRoundDoubleShift,
                            mode_bits >> mode::kDenormDoubleShift);
    const uint32_t denormals = fp == FpClass::kFlushed ? 0 : mode_bits >> mode::kDenormSingleShift;
    return make_control(mode_bits >> mode::kRoundSingleShift, denormals);
}

void FpEnvironment::set(uint32_t control) {
    write_control(control);
    current_ = control;
}

}  // namespace simgpu::gfx9
