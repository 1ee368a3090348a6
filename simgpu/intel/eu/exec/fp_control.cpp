#include "simgpu/intel/eu/exec/fp_control.h"

#include "simgpu/intel/eu/exec/thread.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#else
#include <cfenv>
#endif

namespace simgpu::intel::eu {

namespace {

bool keeps_denormals(FpClass fp, uint32_t control) {
    return control &
           (fp == FpClass::kDouble ? cr0::kKeepDoubleDenormals : cr0::kKeepSingleDenormals);
}

#if defined(__SSE2__)

// MXCSR (Intel SDM volume 1, 10.2.3): exceptions masked, rounding in [14:13], FTZ 15, DAZ 6.
constexpr uint32_t kMasked = 0x1f80;
constexpr uint32_t kFlush = 1u << 15 | 1u << 6;
// cr0.0's rounding: nearest even, up, down, towards zero.
constexpr uint32_t kRounding[] = {0u << 13, 2u << 13, 1u << 13, 3u << 13};

uint32_t read_control() {
    return _mm_getcsr();
}
void write_control(uint32_t control) {
    _mm_setcsr(control);
}
uint32_t make_control(uint32_t rounding, bool keep) {
    return kMasked | kRounding[rounding] | (keep ? 0 : kFlush);
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
uint32_t make_control(uint32_t rounding, bool) {
    return static_cast<uint32_t>(kRounding[rounding]);
}

#endif

}  // namespace

FpControl::FpControl() : saved_(read_control()), current_(saved_) {}

FpControl::~FpControl() {
    write_control(saved_);
}

uint32_t FpControl::host_control(FpClass fp, uint32_t control) {
    return make_control(control >> cr0::kRoundingShift & 3, keeps_denormals(fp, control));
}

void FpControl::set(uint32_t control) {
    write_control(control);
    current_ = control;
}

}  // namespace simgpu::intel::eu
