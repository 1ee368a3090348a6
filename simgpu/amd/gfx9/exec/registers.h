// The COMPUTE_* registers of a dispatch, field by field (GFX9 register headers).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "simgpu/amd/gfx9/exec/compute.h"

namespace simgpu::gfx9 {

/// Which workgroups run, and how large each is.
struct GridRange {
    uint32_t start[3] = {};
    uint32_t end[3] = {};
    uint32_t full[3] = {1, 1, 1};     // threads of a workgroup
    uint32_t partial[3] = {1, 1, 1};  // threads of the last one in each direction

    uint32_t group_size(unsigned axis, uint32_t id) const {
        return id + 1 == end[axis] ? partial[axis] : full[axis];
    }
};

class ComputeRegisters {
  public:
    explicit ComputeRegisters(const Dispatch& dispatch) : d_(dispatch) {}

    // COMPUTE_PGM_RSRC1
    /// VGPRS: in fours, less one.
    unsigned vgprs() const { return std::min((field(d_.pgm_rsrc1, 0, 6) + 1) * 4, 256u); }
    /// The MODE register a wave starts with: FLOAT_MODE, DX10_CLAMP, IEEE_MODE.
    uint32_t mode() const {
        return field(d_.pgm_rsrc1, 12, 8) | field(d_.pgm_rsrc1, 21, 1) << 8 |
               field(d_.pgm_rsrc1, 23, 1) << 9;
    }

    // COMPUTE_PGM_RSRC2
    bool scratch_enabled() const { return field(d_.pgm_rsrc2, 0, 1); }
    unsigned user_sgprs() const { return std::min(field(d_.pgm_rsrc2, 1, 5), 16u); }
    bool group_id_enabled(unsigned axis) const { return field(d_.pgm_rsrc2, 7 + axis, 1); }
    bool group_size_enabled() const { return field(d_.pgm_rsrc2, 10, 1); }
    /// How many of the thread's coordinates are in VGPRs, less one.
    unsigned thread_id_components() const { return field(d_.pgm_rsrc2, 11, 2); }
    /// LDS_SIZE: in 512-byte blocks, at most the 64 KiB of a compute unit.
    uint32_t lds_bytes() const { return std::min(field(d_.pgm_rsrc2, 15, 9) * 512, 65536u); }

    // COMPUTE_TMPRING_SIZE
    uint32_t scratch_waves() const { return field(d_.tmpring_size, 0, 12); }
    /// WAVESIZE: in KiB.
    uint32_t scratch_bytes_per_wave() const { return field(d_.tmpring_size, 12, 13) * 1024; }

    GridRange grid() const;
    unsigned waves_per_group() const;
    /// A sentence if the registers ask for what no compute unit can do; else empty.
    std::string problem() const;

  private:
    static uint32_t field(uint32_t reg, unsigned low, unsigned bits) {
        return (reg >> low) & ((1u << bits) - 1);
    }

    const Dispatch& d_;
};

}  // namespace simgpu::gfx9
