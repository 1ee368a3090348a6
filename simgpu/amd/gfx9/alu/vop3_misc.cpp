// VOP3: the instructions that move single lanes.
#include "simgpu/amd/gfx9/alu/valu.h"

namespace simgpu::gfx9 {

namespace {

void read_lane(Wave& w, const Instruction& in) {
    const uint32_t lane = read_scalar32(w, in.src[1]) & (kLanes - 1);
    w.s[in.dst] =
        in.src[0].is_vgpr() ? w.v[in.src[0].index].lane[lane] : read_scalar32(w, in.src[0]);
}

// Ignores EXEC.
void write_lane(Wave& w, const Instruction& in) {
    const uint32_t lane = read_scalar32(w, in.src[1]) & (kLanes - 1);
    w.v[in.dst].lane[lane] = read_scalar32(w, in.src[0]);
}

constexpr ValuOp kVop3MiscOps[] = {
    whole_wave(0x289, "v_readlane_b32", read_lane, Type::kB32, Type::kB32).with(ValuOp::kScalarDst),
    whole_wave(0x28a, "v_writelane_b32", write_lane, Type::kB32, Type::kB32),
};

}  // namespace

ValuTable vop3_misc_ops() {
    return kVop3MiscOps;
}

}  // namespace simgpu::gfx9
