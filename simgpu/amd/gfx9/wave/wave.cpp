#include "simgpu/amd/gfx9/wave/wave.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace simgpu::gfx9 {

namespace {

void fill(Row& row, uint32_t value) {
    for (uint32_t& lane : row.lane) lane = value;
}

}  // namespace

std::string_view encoding_name(Encoding encoding) {
    static constexpr std::string_view kNames[] = {
        "unknown", "SOP1",  "SOP2",   "SOPK", "SOPC",  "SOPP",  "SMEM", "VOP1", "VOP2", "VOPC",
        "VOP3",    "VOP3P", "VINTRP", "DS",   "MUBUF", "MTBUF", "MIMG", "FLAT", "EXP"};
    return kNames[static_cast<unsigned>(encoding)];
}

void expand_mask(uint64_t mask, Row& to) {
    for (unsigned half = 0; half < 2; half++) {
        const auto bits = static_cast<uint32_t>(mask >> (32 * half));
        uint32_t* lane = to.lane + 32 * half;
        for (unsigned i = 0; i < 32; i++) lane[i] = 0u - ((bits >> i) & 1u);
    }
}

uint64_t pack_mask(const Row& from) {
    uint64_t mask = 0;
#if defined(__SSE2__)
    for (unsigned i = 0; i < kLanes; i += 4) {
        const __m128i four = _mm_load_si128(reinterpret_cast<const __m128i*>(from.lane + i));
        const auto bits = static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(four)));
        mask |= static_cast<uint64_t>(bits) << i;
    }
#else
    for (unsigned i = 0; i < kLanes; i++) mask |= static_cast<uint64_t>(from.lane[i] >> 31) << i;
#endif
    return mask;
}

void Wave::expand_exec() {
    exec_lanes_of_ = exec();
    active_lanes_ = static_cast<unsigned>(std::popcount(exec_lanes_of_));
    expand_mask(exec_lanes_of_, exec_lanes_);
}

void Wave::write_vgpr(unsigned index, const Row& from) {
    Row& to = v[index];
    if (exec() == ~uint64_t{0}) {
        to = from;
        return;
    }
    const Row& mask = exec_lanes();
    for (unsigned i = 0; i < kLanes; i++)
        to.lane[i] = (from.lane[i] & mask.lane[i]) | (to.lane[i] & ~mask.lane[i]);
}

void Wave::write_lanes(unsigned index, const Row& from, uint64_t mask) {
    if (mask == exec()) return write_vgpr(index, from);
    for_each_lane(mask, [&](unsigned lane) { v[index].lane[lane] = from.lane[lane]; });
}

void Wave::reset(unsigned vgprs) {
    for (unsigned i = 0; i < vgprs; i++) fill(v[i], 0);
    for (unsigned i = kVgprs; i < kVgprRows; i++) fill(v[i], 0);
    std::memset(s, 0, sizeof s);
    vgpr_count = static_cast<uint16_t>(vgprs);
    status = Status::kRunning;
    scc = false;
    scratch_base = 0;
    set_exec(~uint64_t{0});
    expand_exec();
}

uint32_t read_scalar32(const Wave& wave, const Operand& operand) {
    return static_cast<uint32_t>(read_scalar64(wave, operand));
}

uint64_t read_scalar64(const Wave& wave, const Operand& operand) {
    switch (operand.kind) {
        case Operand::Kind::kNone:
            return 0;
        case Operand::Kind::kConstant:
            return operand.value;
        case Operand::Kind::kSgpr:
            return wave.s64(operand.index);
        case Operand::Kind::kVgpr: {
            // A vector register where a scalar is expected gives its first active lane.
            const uint64_t exec = wave.exec();
            const int lane = exec ? std::countr_zero(exec) : 0;
            return wave.v[operand.index].lane[lane] |
                   static_cast<uint64_t>(wave.v[operand.index + 1].lane[lane]) << 32;
        }
        case Operand::Kind::kVccz:
            return wave.vcc() == 0;
        case Operand::Kind::kExecz:
            return wave.exec() == 0;
        case Operand::Kind::kScc:
            return wave.scc;
    }
    return 0;
}

const Row& read_row(const Wave& wave, const Operand& operand, Row& spare) {
    if (operand.is_vgpr()) return wave.v[operand.index];
    fill(spare, read_scalar32(wave, operand));
    return spare;
}

const Row& read_row_high(const Wave& wave, const Operand& operand, Row& spare) {
    if (operand.is_vgpr()) return wave.v[operand.index + 1];
    fill(spare, static_cast<uint32_t>(read_scalar64(wave, operand) >> 32));
    return spare;
}

void handle_unknown(Wave& wave, const Instruction&) {
    wave.status = Wave::Status::kUnknown;
}

}  // namespace simgpu::gfx9
