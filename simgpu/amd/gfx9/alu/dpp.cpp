// Data-parallel primitives: the lane permutations of DPP_CTRL (Vega ISA, "DPP").
#include "simgpu/amd/gfx9/alu/valu.h"

namespace simgpu::gfx9 {

namespace {

constexpr int kNoLane = -1;
constexpr int kRowLanes = 16;

int shift_in_row(int lane, int by) {
    const int target = lane % kRowLanes + by;
    return target < 0 || target >= kRowLanes ? kNoLane : lane + by;
}

int source_of(uint16_t control, int lane) {
    const int row = lane & ~(kRowLanes - 1), in_row = lane % kRowLanes;
    const int amount = control & 0xf;
    if (control <= 0xff) return (lane & ~3) | ((control >> (2 * (lane & 3))) & 3);  // quad_perm
    if (control >= 0x101 && control <= 0x10f) return shift_in_row(lane, amount);    // row_shl
    if (control >= 0x111 && control <= 0x11f) return shift_in_row(lane, -amount);   // row_shr
    if (control >= 0x121 && control <= 0x12f)                                       // row_ror
        return row | ((in_row - amount) & (kRowLanes - 1));
    switch (control) {
        case 0x130:
            return lane < 63 ? lane + 1 : kNoLane;  // wave_shl:1
        case 0x134:
            return (lane + 1) & 63;  // wave_rol:1
        case 0x138:
            return lane - 1;  // wave_shr:1
        case 0x13c:
            return (lane - 1) & 63;  // wave_ror:1
        case 0x140:
            return row | (kRowLanes - 1 - in_row);  // row_mirror
        case 0x141:
            return lane ^ 7;  // row_half_mirror
        case 0x142:
            return row ? row - 1 : kNoLane;  // row_bcast:15
        case 0x143:
            return lane >= 32 ? 31 : kNoLane;  // row_bcast:31
        default:
            return kNoLane;
    }
}

}  // namespace

uint64_t permute_dpp(const Row& from, uint16_t control, uint64_t exec, Row& to) {
    uint64_t valid = 0;
    for (int lane = 0; lane < static_cast<int>(kLanes); lane++) {
        const int source = source_of(control, lane);
        // A disabled source lane counts as missing, like one out of bounds.
        const bool ok = source != kNoLane && (exec >> source & 1);
        to.lane[lane] = ok ? from.lane[source] : 0;
        if (ok) valid |= uint64_t{1} << lane;
    }
    return valid;
}

}  // namespace simgpu::gfx9
