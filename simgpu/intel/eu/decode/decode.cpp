#include "simgpu/intel/eu/decode/decode.h"

#include <fmt/format.h>

#include <algorithm>

#include "simgpu/intel/eu/alu/alu.h"
#include "simgpu/intel/eu/decode/fields.h"
#include "simgpu/intel/eu/exec/flow.h"
#include "simgpu/intel/eu/isa/opcodes.h"
#include "simgpu/intel/eu/messages/send.h"

namespace simgpu::intel::eu {

namespace {

void report_problem(Thread& thread, const Instruction& in) {
    thread.fail(in.problem);
}

/// Gen12 has predicates for groups of 2 to 32 channels; Xe2 for all of the instruction's.
void decode_predicate(const Words& words, const FieldLayout& layout, Instruction& in) {
    const uint32_t code = words.bits(layout.predicate.top, layout.predicate.bottom);
    in.predicate_inverted = words.bit(28);
    if (code < 2) {
        in.predicate = code ? Predicate::kNormal : Predicate::kNone;
        return;
    }
    in.predicate = code & 1 ? Predicate::kAll : Predicate::kAny;
    if (layout.predicate.top - layout.predicate.bottom == 1) {
        in.predicate_group = in.channels;
    } else if (code < 4) {
        complain(in, "predicates that combine two flag registers are not simulated");
    } else {
        in.predicate_group = static_cast<uint8_t>(2u << ((code - 4) / 2));
        if (in.predicate_group > kMaxChannels) complain(in, "reserved predicate control");
    }
}

void decode_controls(const Words& words, const FieldLayout& layout, Instruction& in) {
    const uint32_t size = words.bits(layout.execution_size.top, layout.execution_size.bottom);
    if (size > 5) complain(in, "reserved execution size");
    in.channels = static_cast<uint8_t>(1u << std::min(size, 5u));
    unsigned first = 8 * words.bits(layout.quarter.top, layout.quarter.bottom);
    if (layout.has_nibble) first += 4u * words.bit(19);
    if (first + in.channels > kMaxChannels) complain(in, "channels beyond the 32nd");
    in.first_channel = static_cast<uint8_t>(first & 31);
    in.no_mask = words.bit(31);
    in.flag =
        static_cast<uint8_t>(2 * words.bits(layout.flag_register.top, layout.flag_register.bottom) +
                             words.bit(layout.flag_subregister));
    decode_predicate(words, layout, in);
}

bool is_64_bit(const Operand& operand) {
    return !operand.is_null() && size_of(operand.type) == 8;
}

/// The lane for integer sources: bits alone if the operation wraps, else one that holds all values.
Lane integer_lane(const AluOp& op, const Instruction& in) {
    const unsigned deciding = op.first_decides() ? 1 : op.sources;
    bool wide = is_64_bit(in.dst), any_signed = false, any_unsigned_dword = false;
    bool negates = false;
    for (unsigned i = 0; i < deciding; i++) {
        const Operand& source = in.src[i];
        wide = wide || size_of(source.type) == 8;
        any_signed = any_signed || is_signed_integer(source.type);
        any_unsigned_dword = any_unsigned_dword || source.type == Type::kUD;
        negates = negates || (source.negate && !op.logic());
    }
    const bool accumulates = in.writes_accumulator ||
                             (in.dst.file == File::kArf && in.dst.arf_kind() == Arf::kAccumulator);
    const bool exact = in.saturate || (accumulates && !op.logic());
    if (wide) return any_signed || negates || exact ? Lane::kI64 : Lane::kU64;
    if (op.wraps() && !exact) return Lane::kU32;
    if (op.first_decides()) return any_signed ? Lane::kI32 : Lane::kU32;
    const bool mixed = (any_signed || negates) && any_unsigned_dword;
    if (exact || mixed) return Lane::kI64;
    return any_signed || negates ? Lane::kI32 : Lane::kU32;
}

void choose_lane(const AluOp& op, Instruction& in) {
    bool floats = false, integers = false, doubles = false;
    for (unsigned i = 0; i < op.sources; i++) {
        if (i > 0 && in.src[i].is_null()) {   // math with one source
            in.src[i].type = in.src[0].type;  // a zero of any type
            continue;
        }
        floats = floats || is_float(in.src[i].type);
        integers = integers || !is_float(in.src[i].type);
        doubles = doubles || in.src[i].type == Type::kDF;
    }
    if (floats && integers) return complain(in, "sources of integer and float types");
    if (floats && op.integers_only())
        return complain(in, "operand types that this operation does not support");
    in.lane = doubles ? Lane::kF64 : floats ? Lane::kF32 : integer_lane(op, in);
    if (!op.handler && !op.kernels[index_of(in.lane)]) {
        // Operations of 32 bits whose operands are mixed.
        const Lane narrow = in.lane == Lane::kI64 && !is_64_bit(in.src[0]) ? Lane::kI32 : in.lane;
        if (!op.kernels[index_of(narrow)])
            complain(in, "operand types that this operation does not support");
        in.lane = narrow;
    }
}

/// Into the accumulator goes the product with the second source's low 16 bits; MACH has the rest.
void adapt_multiplication(Instruction& in) {
    constexpr uint8_t kMul = 0x41;
    Operand& second = in.src[1];
    const bool to_accumulator = in.dst.file == File::kArf && in.dst.arf_kind() == Arf::kAccumulator;
    const bool dwords = size_of(in.src[0].type) == 4 && size_of(second.type) == 4;
    if (in.opcode != kMul || !to_accumulator || !dwords || is_float(second.type)) return;
    if (second.file == File::kImmediate) second.value &= 0xffff;
    second.type = Type::kUW;
}

/// BFN's table takes the places of the condition and of source modifiers; its own condition has
/// two bits.
void decode_boolean_function(const Words& words, Instruction& in) {
    constexpr Condition kConditions[] = {Condition::kNone, Condition::kZero, Condition::kGreater,
                                         Condition::kLess};
    in.function = static_cast<uint8_t>(words.bits(95, 92) << 4 | words.bits(87, 84));
    in.condition = kConditions[words.bits(45, 44)];
    for (Operand& source : in.src) source.negate = source.absolute = false;
}

void decode_alu(const Words& words, const FieldLayout& layout, Instruction& in) {
    const AluOp& op = *in.alu;
    in.saturate = words.bit(34);
    in.writes_accumulator = layout.has_accumulator_write && words.bit(33);
    const uint32_t condition = words.bits(95, 92);
    if (has_three_sources(in.opcode)) {
        decode_three_sources(words, layout, in);
    } else {
        decode_destination(words, layout, in);
        decode_source0(words, layout, in);
        if (op.sources == 2) decode_source1(words, layout, in);
    }
    if (!in.problem.empty()) return;
    const bool wide_immediate = op.sources == 1 && in.src[0].file == File::kImmediate &&
                                size_of(in.src[0].type) == 8;  // takes the condition's place
    if (in.opcode == opcode::kBfn)
        decode_boolean_function(words, in);
    else if (in.opcode == opcode::kMath)
        in.function = static_cast<uint8_t>(condition);
    else if (!wide_immediate)
        in.condition = Condition(condition);
    if (in.condition > Condition::kLessEqual && in.condition != Condition::kUnordered)
        complain(in, fmt::format("condition {} is not simulated", condition));
    adapt_multiplication(in);
    choose_lane(op, in);
    if (in.lane == Lane::kF64 || in.dst.type == Type::kDF)
        in.fp = FpClass::kDouble;
    else if (in.lane == Lane::kF32 || is_float(in.dst.type))
        in.fp = FpClass::kSingle;
    in.handler = op.handler ? op.handler : execute_alu;
}

void decode_flow(const Words& words, Instruction& in) {
    in.jip = static_cast<int32_t>(words.bits(127, 96));
    in.uip = static_cast<int32_t>(words.bits(95, 64));
    in.function = static_cast<uint8_t>(words.bits(95, 92));
    if (in.opcode == opcode::kJmpi && !words.bit(46) && !words.bit(47))
        complain(in, "jmpi by a register is not simulated");
}

const FlowOp* find_flow_op(uint8_t opcode) {
    const auto found = std::ranges::find(flow_ops(), opcode, &FlowOp::opcode);
    return found == flow_ops().end() ? nullptr : &*found;
}

void decode_body(const Words& words, const FieldLayout& layout, Generation generation,
                 Instruction& in) {
    if (in.opcode == opcode::kSend || in.opcode == opcode::kSendc) {
        in.name = in.opcode == opcode::kSend ? "send" : "sendc";
        decode_controls(words, layout, in);
        decode_send(words, generation, in);
    } else if (const FlowOp* flow = find_flow_op(in.opcode)) {
        in.name = flow->name;
        in.handler = flow->handler;
        decode_controls(words, layout, in);
        decode_flow(words, in);
    } else if (const AluOp* op = find_alu_op(in.opcode);
               op && (in.opcode != opcode::kBfn || layout.has_boolean_functions)) {
        in.name = op->name;
        in.alu = op;
        in.sources = op->sources;
        decode_controls(words, layout, in);
        decode_alu(words, layout, in);
    } else {
        in.name = "unknown";
        complain(in, fmt::format("opcode {:#04x} is not simulated", in.opcode));
    }
}

}  // namespace

Instruction decode(const Words& words, uint8_t size, Generation generation) {
    Instruction in;
    in.opcode = static_cast<uint8_t>(words.bits(6, 0));
    in.size = size;
    in.words = words.dwords();
    decode_body(words, field_layout(generation), generation, in);
    if (!in.problem.empty()) in.handler = report_problem;
    return in;
}

}  // namespace simgpu::intel::eu
