#include "simgpu/amd/gfx9/exec/registers.h"

#include <algorithm>

#include <fmt/format.h>

namespace simgpu::gfx9 {

namespace {

// COMPUTE_DISPATCH_INITIATOR.
constexpr uint32_t kPartialGroups = 1u << 1;
constexpr uint32_t kForceStartAtZero = 1u << 2;
constexpr uint32_t kThreadDimensions = 1u << 5;

constexpr uint32_t kMaxThreadsPerGroup = 1024;

}  // namespace

GridRange ComputeRegisters::grid() const {
    GridRange grid;
    for (unsigned axis = 0; axis < 3; axis++) {
        const uint32_t full = std::max(d_.threads[axis] & 0xffff, 1u);
        grid.full[axis] = full;
        grid.partial[axis] = full;
        grid.start[axis] = d_.initiator & kForceStartAtZero ? 0 : d_.start[axis];
        grid.end[axis] = d_.groups[axis];
        if (d_.initiator & kThreadDimensions) {
            // The grid is given in threads; what does not fill a group makes a partial one.
            const uint32_t rest = d_.groups[axis] % full;
            grid.end[axis] = d_.groups[axis] / full + (rest ? 1 : 0);
            if (rest) grid.partial[axis] = rest;
        } else if (d_.initiator & kPartialGroups) {
            const uint32_t partial = d_.threads[axis] >> 16;
            if (partial && partial < full) grid.partial[axis] = partial;
        }
    }
    return grid;
}

unsigned ComputeRegisters::waves_per_group() const {
    const GridRange g = grid();
    const uint64_t threads = uint64_t{g.full[0]} * g.full[1] * g.full[2];
    return static_cast<unsigned>((threads + 63) / 64);
}

std::string ComputeRegisters::problem() const {
    const GridRange g = grid();
    const uint64_t threads = uint64_t{g.full[0]} * g.full[1] * g.full[2];
    if (threads <= kMaxThreadsPerGroup) return {};
    return fmt::format("workgroup of {}x{}x{} threads is larger than {}", g.full[0], g.full[1],
                       g.full[2], kMaxThreadsPerGroup);
}

}  // namespace simgpu::gfx9
