#include "simgpu/amd/gfx9/alu/sdwa.h"

#include "simgpu/amd/gfx9/wave/wave.h"

namespace simgpu::gfx9 {

namespace {

struct Part {
    unsigned shift;
    unsigned bits;
};

Part part_of(Select select) {
    constexpr Part kParts[] = {{0, 8}, {8, 8}, {16, 8}, {24, 8}, {0, 16}, {16, 16}, {0, 32}};
    const auto index = static_cast<unsigned>(select);
    return kParts[index < 7 ? index : 6];
}

uint32_t sign_extend_from(uint32_t value, unsigned bits) {
    const unsigned drop = 32 - bits;
    return static_cast<uint32_t>(static_cast<int32_t>(value << drop) >> drop);
}

}  // namespace

void select_lanes(uint32_t* lanes, Select select, bool sign_extend) {
    const Part part = part_of(select);
    if (part.bits == 32) return;
    const uint32_t mask = (1u << part.bits) - 1;
    for (unsigned i = 0; i < kLanes; i++) {
        const uint32_t value = (lanes[i] >> part.shift) & mask;
        lanes[i] = sign_extend ? sign_extend_from(value, part.bits) : value;
    }
}

void place_selected(uint32_t* results, const uint32_t* old, Select select, Unused unused) {
    const Part part = part_of(select);
    if (part.bits == 32) return;
    const uint32_t mask = (1u << part.bits) - 1;
    for (unsigned i = 0; i < kLanes; i++) {
        const uint32_t value = results[i] & mask;
        uint32_t result = value << part.shift;
        if (unused == Unused::kPreserve)
            result |= old[i] & ~(mask << part.shift);
        else if (unused == Unused::kSignExtend)
            result = sign_extend_from(value, part.bits) << part.shift;
        results[i] = result;
    }
}

}  // namespace simgpu::gfx9
