// The comparisons that CP and SDMA waits share.
#pragma once

#include <cstdint>

namespace simgpu {

/// `value FUNCTION reference` with the hardware's encoding: WAIT_REG_MEM.FUNCTION of PM4
/// (soc15d.h) and POLL_REGMEM.func of SDMA (vega10_sdma_pkt_open.h). 7 is reserved; it passes,
/// so that a wait on it ends.
constexpr bool compare(uint32_t function, uint64_t value, uint64_t reference) {
    switch (function & 7) {
        case 1:
            return value < reference;
        case 2:
            return value <= reference;
        case 3:
            return value == reference;
        case 4:
            return value != reference;
        case 5:
            return value >= reference;
        case 6:
            return value > reference;
        default:
            return true;
    }
}

}  // namespace simgpu
