// The host's floating-point controls, set as the wave's MODE register asks.
#pragma once

#include <cstdint>

#include "simgpu/amd/gfx9/wave/instruction.h"

namespace simgpu::gfx9 {

/// Holds the calling thread's rounding mode and denormal handling while a shader runs, and puts
/// back what was there.
class FpEnvironment {
  public:
    FpEnvironment();
    ~FpEnvironment();
    FpEnvironment(const FpEnvironment&) = delete;
    FpEnvironment& operator=(const FpEnvironment&) = delete;

    /// Prepares for an instruction of class `fp` under MODE `mode_bits`. Cheap if nothing changes.
    void prepare(FpClass fp, uint32_t mode_bits) {
        if (fp == FpClass::kNone) return;
        const uint32_t wanted = control_for(fp, mode_bits & 0xff);
        if (wanted != current_) set(wanted);
    }

  private:
    static uint32_t control_for(FpClass fp, uint32_t mode_bits);
    void set(uint32_t control);

    uint32_t saved_;
    uint32_t current_;
};

}  // namespace simgpu::gfx9
