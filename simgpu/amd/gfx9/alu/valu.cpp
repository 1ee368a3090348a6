// The common part of vector ALU instructions: operands, modifiers, lane masks, results.
#include "simgpu/amd/gfx9/alu/valu.h"

#include "simgpu/amd/gfx9/alu/sdwa.h"

namespace simgpu::gfx9 {

namespace {

// Sources of one instruction as rows. Rows that need changing are copied into `spare`.
struct Sources {
    Row spare_low[4];
    Row spare_high[4];
    const Row* low[4] = {};
    const Row* high[4] = {};
    uint64_t writable = ~uint64_t{0};  // lanes that DPP lets write
};

uint32_t* copy_for_change(const Row*& row, Row& spare) {
    if (row != &spare) {
        spare = *row;
        row = &spare;
    }
    return spare.lane;
}

void shift_down_16(const Row*& row, Row& spare) {
    uint32_t* lane = copy_for_change(row, spare);
    for (unsigned i = 0; i < kLanes; i++) lane[i] >>= 16;
}

bool takes_sign_modifiers(const ValuOp& op, Type type) {
    return is_float(type) || (op.flags & ValuOp::kFloatModifiers && type == Type::kB32);
}

void fetch_source(Wave& w, const Instruction& in, unsigned i, Sources& s) {
    const ValuOp& op = *in.valu;
    const Type type = op.src[i];
    if (type == Type::kMask) {
        expand_mask(read_scalar64(w, in.src[i]), s.spare_low[i]);
        s.low[i] = &s.spare_low[i];
        return;
    }
    s.low[i] = &read_row(w, in.src[i], s.spare_low[i]);
    if (is_wide(type)) s.high[i] = &read_row_high(w, in.src[i], s.spare_high[i]);
    const Modifiers& m = in.mods;
    if (m.sdwa && i < 2) {
        select_lanes(copy_for_change(s.low[i], s.spare_low[i]), m.select[i], m.sign_extend[i]);
    } else if (m.dpp && i == 0) {
        Row moved;
        s.writable = permute_dpp(*s.low[0], m.dpp_ctrl, w.exec(), moved);
        s.spare_low[0] = moved;
        s.low[0] = &s.spare_low[0];
    } else if ((m.op_sel >> i & 1) && (type == Type::kB16 || type == Type::kF16)) {
        shift_down_16(s.low[i], s.spare_low[i]);
    }
    const bool abs = m.abs >> i & 1, neg = m.neg >> i & 1;
    if (!(abs || neg) || !takes_sign_modifiers(op, type)) return;
    if (type == Type::kF64) {
        copy_for_change(s.high[i], s.spare_high[i]);
        apply_sign_modifiers(s.spare_high[i], Type::kF32, abs, neg);
    } else {
        copy_for_change(s.low[i], s.spare_low[i]);
        apply_sign_modifiers(s.spare_low[i], type, abs, neg);
    }
}

// OMOD multiplies by 2, 4 or 1/2; CLAMP then limits to [0, 1], and NaN becomes 0 (DX10_CLAMP).
template <class T>
T finish_float(T value, uint8_t omod, bool clamp) {
    constexpr float kFactors[] = {1.0f, 2.0f, 4.0f, 0.5f};
    if (omod) value *= static_cast<T>(kFactors[omod]);
    if (clamp) value = value > T{0} ? (value < T{1} ? value : T{1}) : T{0};
    return value;
}

void finish_result(const Instruction& in, Row& low, Row& high) {
    const uint8_t omod = in.mods.omod;
    const bool clamp = in.mods.clamp && !in.valu->clamped;
    if (!omod && !clamp) return;
    for (unsigned i = 0; i < kLanes; i++) {
        if (in.valu->dst == Type::kF32) {
            const auto value = std::bit_cast<float>(low.lane[i]);
            low.lane[i] = std::bit_cast<uint32_t>(finish_float(value, omod, clamp));
        } else if (in.valu->dst == Type::kF16) {
            const float value = half_to_float(static_cast<uint16_t>(low.lane[i]));
            low.lane[i] = float_to_half(finish_float(value, omod, clamp));
        } else if (in.valu->dst == Type::kF64) {
            const uint64_t bits = low.lane[i] | static_cast<uint64_t>(high.lane[i]) << 32;
            const auto result =
                std::bit_cast<uint64_t>(finish_float(std::bit_cast<double>(bits), omod, clamp));
            low.lane[i] = static_cast<uint32_t>(result);
            high.lane[i] = static_cast<uint32_t>(result >> 32);
        }
    }
}

// Puts a 16-bit result beside the half that the instruction leaves alone.
void place_half(const Wave& w, const Instruction& in, Row& low) {
    const bool to_high = in.mods.op_sel & 8;
    if (!to_high && !(in.valu->flags & ValuOp::kKeepsHigh)) return;
    const Row& old = w.v[in.dst];
    for (unsigned i = 0; i < kLanes; i++)
        low.lane[i] = to_high ? (old.lane[i] & 0xffff) | low.lane[i] << 16
                              : (old.lane[i] & 0xffff0000) | (low.lane[i] & 0xffff);
}

uint64_t dpp_row_mask(const Modifiers& m) {
    uint64_t mask = 0;
    for (unsigned lane = 0; lane < kLanes; lane++)
        if ((m.row_mask >> (lane / 16) & 1) && (m.bank_mask >> (lane / 4 % 4) & 1))
            mask |= uint64_t{1} << lane;
    return mask;
}

void write_result(Wave& w, const Instruction& in, const Sources& s, Row& low, Row& high) {
    const ValuOp& op = *in.valu;
    const Modifiers& m = in.mods;
    if (m.sdwa)
        place_selected(low.lane, w.v[in.dst].lane, m.dst_select, m.dst_unused);
    else if (op.dst == Type::kB16 || op.dst == Type::kF16)
        place_half(w, in, low);
    if (!m.dpp) {
        w.write_vgpr(in.dst, low);
        if (is_wide(op.dst)) w.write_vgpr(in.dst + 1u, high);
        return;
    }
    uint64_t lanes = w.exec() & dpp_row_mask(m);
    if (!m.bound_ctrl) lanes &= s.writable;
    for_each_lane(lanes, [&](unsigned lane) { w.v[in.dst].lane[lane] = low.lane[lane]; });
}

// Comparisons and carries: a bit per active lane, 0 for the others.
void write_mask(Wave& w, const Instruction& in, const Row& mask) {
    const uint64_t bits = pack_mask(mask) & w.exec();
    w.set_s64(in.sdst, bits);
    // V_CMPX_* also sets EXEC: bit 4 of a comparison's opcode; of the CLASS opcodes, bit 0.
    if (in.valu->dst != Type::kNone) return;
    const unsigned opcode = in.valu->opcode;
    const bool sets_exec = opcode < 0x20 ? opcode & 1 : opcode & 0x10;
    if (sets_exec) w.set_exec(bits);
}

}  // namespace

void apply_sign_modifiers(Row& row, Type type, bool abs, bool neg) {
    const uint32_t sign = type == Type::kF16 ? 0x8000u : 0x80000000u;
    const uint32_t keep = abs ? ~sign : ~0u, flip = neg ? sign : 0u;
    for (uint32_t& lane : row.lane) lane = (lane & keep) ^ flip;
}

void execute_valu_plain(Wave& w, const Instruction& in) {
    const ValuOp& op = *in.valu;
    Row spare[3], result;
    LaneArgs args;
    for (unsigned i = 0; i < 3 && op.src[i] != Type::kNone; i++)
        args.low[i] = read_row(w, in.src[i], spare[i]).lane;
    args.out_low = result.lane;
    op.kernel(args);
    w.write_vgpr(in.dst, result);
}

void execute_valu(Wave& w, const Instruction& in) {
    const ValuOp& op = *in.valu;
    Sources s;
    LaneArgs args;
    for (unsigned i = 0; i < 4; i++) {
        if (op.src[i] == Type::kNone) continue;
        fetch_source(w, in, i, s);
        args.low[i] = s.low[i]->lane;
        args.high[i] = s.high[i] ? s.high[i]->lane : nullptr;
    }
    Row low, high, mask;
    args.out_low = low.lane;
    args.out_high = high.lane;
    args.mask = mask.lane;
    const Kernel kernel = in.mods.clamp && op.clamped ? op.clamped : op.kernel;
    kernel(args);
    if (op.dst != Type::kNone) {
        finish_result(in, low, high);
        write_result(w, in, s, low, high);
    }
    if (op.mask_out) write_mask(w, in, mask);
}

// Packed math runs a 16-bit kernel on each half of the registers.
void execute_valu_packed(Wave& w, const Instruction& in) {
    const ValuOp& op = *in.valu;
    const Modifiers& m = in.mods;
    Row halves[2];
    for (unsigned half = 0; half < 2; half++) {
        const uint8_t select = half ? m.op_sel_hi : m.op_sel;
        const uint8_t neg = half ? m.neg_hi : m.neg;
        Row rows[3];
        LaneArgs args;
        for (unsigned i = 0; i < 3 && op.src[i] != Type::kNone; i++) {
            Row spare;
            const Row& from = read_row(w, in.src[i], spare);
            const unsigned shift = (select >> i & 1) ? 16 : 0;
            for (unsigned lane = 0; lane < kLanes; lane++)
                rows[i].lane[lane] = (from.lane[lane] >> shift) & 0xffff;
            if (op.src[i] == Type::kF16)
                apply_sign_modifiers(rows[i], Type::kF16, false, neg >> i & 1);
            args.low[i] = rows[i].lane;
        }
        args.out_low = halves[half].lane;
        (m.clamp && op.clamped ? op.clamped : op.kernel)(args);
        finish_result(in, halves[half], halves[half]);
    }
    for (unsigned lane = 0; lane < kLanes; lane++)
        halves[0].lane[lane] = (halves[0].lane[lane] & 0xffff) | halves[1].lane[lane] << 16;
    w.write_vgpr(in.dst, halves[0]);
}

}  // namespace simgpu::gfx9
