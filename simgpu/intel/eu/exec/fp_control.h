// The host's floating-point controls, set as a thread's control register asks.
#pragma once

#include <cstdint>

#include "simgpu/intel/eu/isa/instruction.h"

namespace simgpu::intel::eu {

/// Holds the calling thread's rounding mode and denormal handling while EU threads run, and puts
/// back what was there.
class FpControl {
  public:
    FpControl();
    ~FpControl();
    FpControl(const FpControl&) = delete;
    FpControl& operator=(const FpControl&) = delete;

    /// Prepares for an instruction of class `fp` under cr0.0. Cheap if nothing changes.
    void prepare(FpClass fp, uint32_t cr0) {
        if (fp == FpClass::kNone) return;
        const uint32_t wanted = host_control(fp, cr0);
        if (wanted != current_) set(wanted);
    }

  private:
    static uint32_t host_control(FpClass fp, uint32_t cr0);
    void set(uint32_t control);

    uint32_t saved_;
    uint32_t current_;
};

}  // namespace simgpu::intel::eu
