// Assembles EU instructions of Gen12.0 for tests, field by field (Mesa's brw_inst.h has them).
#pragma once

#include <cstdint>
#include <vector>

#include "simgpu/intel/eu/isa/types.h"
#include "simgpu/intel/eu/isa/words.h"

namespace simgpu::intel::eu {

/// A register operand; the region is packed unless said otherwise.
struct Reg {
    unsigned number = 0;
    Type type = Type::kUD;
    unsigned byte = 0;
    bool grf = true;
    bool negate = false;
    bool absolute = false;
    unsigned vertical = 8;  // elements
    unsigned width = 8;
    unsigned horizontal = 1;
};

inline Reg r(unsigned number, Type type = Type::kUD) {
    return {.number = number, .type = type};
}
inline Reg scalar(unsigned number, Type type, unsigned byte = 0) {
    return {
        .number = number, .type = type, .byte = byte, .vertical = 0, .width = 1, .horizontal = 0};
}
inline Reg null(Type type = Type::kUD) {
    return {.number = 0, .type = type, .grf = false};
}
inline Reg accumulator(Type type) {
    return {.number = 0x20, .type = type, .grf = false};
}
inline Reg negated(Reg reg) {
    reg.negate = true;
    return reg;
}
inline Reg absolute(Reg reg) {
    reg.absolute = true;
    return reg;
}

/// An instruction's fields beside its operands.
struct Control {
    unsigned channels = 8;
    unsigned first_channel = 0;
    unsigned condition = 0;  // or math's function
    unsigned predicate = 0;
    bool inverted = false;
    bool no_mask = false;
    bool saturate = false;
    bool accumulates = false;
    unsigned flag = 0;  // 16-bit flag register
};

namespace assembler_detail {

inline unsigned log2_of(unsigned value) {
    unsigned bits = 0;
    while (1u << bits < value) bits++;
    return bits;
}
/// Strides are 0 or one more than their logarithm.
inline unsigned stride_code(unsigned elements) {
    return elements ? log2_of(elements) + 1 : 0;
}

inline void set_controls(Words& words, unsigned opcode, const Control& control) {
    words.set(6, 0, opcode);
    words.set(18, 16, log2_of(control.channels));
    words.set(21, 20, control.first_channel / 8);
    words.set(22, 22, control.flag & 1);
    words.set(23, 23, control.flag >> 1);
    words.set(27, 24, control.predicate);
    words.set(28, 28, control.inverted);
    words.set(31, 31, control.no_mask);
    words.set(33, 33, control.accumulates);
    words.set(34, 34, control.saturate);
    words.set(95, 92, control.condition);
}

inline void set_destination(Words& words, const Reg& dst) {
    words.set(39, 36, static_cast<unsigned>(dst.type));
    words.set(49, 48, stride_code(dst.horizontal));
    words.set(50, 50, dst.grf);
    words.set(55, 51, dst.byte);
    words.set(63, 56, dst.number);
}

inline void set_source0(Words& words, const Reg& src) {
    words.set(43, 40, static_cast<unsigned>(src.type));
    words.set(44, 44, src.absolute);
    words.set(45, 45, src.negate);
    words.set(65, 64, stride_code(src.horizontal));
    words.set(66, 66, src.grf);
    words.set(71, 67, src.byte);
    words.set(79, 72, src.number);
    words.set(83, 81, log2_of(src.width));
    words.set(87, 84, stride_code(src.vertical));
}

inline void set_source1(Words& words, const Reg& src) {
    words.set(91, 88, static_cast<unsigned>(src.type));
    words.set(97, 96, stride_code(src.horizontal));
    words.set(98, 98, src.grf);
    words.set(103, 99, src.byte);
    words.set(111, 104, src.number);
    words.set(115, 113, log2_of(src.width));
    words.set(119, 116, stride_code(src.vertical));
    words.set(120, 120, src.absolute);
    words.set(121, 121, src.negate);
}

}  // namespace assembler_detail

inline Words op1(unsigned opcode, const Reg& dst, const Reg& src, const Control& control = {}) {
    using namespace assembler_detail;
    Words words;
    set_controls(words, opcode, control);
    set_destination(words, dst);
    set_source0(words, src);
    return words;
}

inline Words op2(unsigned opcode, const Reg& dst, const Reg& a, const Reg& b,
                 const Control& control = {}) {
    Words words = op1(opcode, dst, a, control);
    assembler_detail::set_source1(words, b);
    return words;
}

/// The second source is an immediate.
inline Words op2_imm(unsigned opcode, const Reg& dst, const Reg& a, Type type, uint32_t value,
                     const Control& control = {}) {
    Words words = op1(opcode, dst, a, control);
    words.set(47, 47, 1);
    words.set(91, 88, static_cast<unsigned>(type));
    words.set(127, 96, value);
    return words;
}

inline Words mov_imm(const Reg& dst, Type type, uint32_t value, const Control& control = {}) {
    using namespace assembler_detail;
    Words words;
    set_controls(words, 0x61, control);
    set_destination(words, dst);
    words.set(46, 46, 1);
    words.set(43, 40, static_cast<unsigned>(type));
    words.set(127, 96, value);
    return words;
}

/// Three sources in packed registers of 8 channels.
inline Words op3(unsigned opcode, const Reg& dst, const Reg& a, const Reg& b, const Reg& c,
                 const Control& control = {}) {
    using namespace assembler_detail;
    Words words;
    set_controls(words, opcode, control);
    const auto code = [](Type type) { return static_cast<unsigned>(type) & 7; };
    words.set(39, 39, is_float(dst.type));
    words.set(38, 36, code(dst.type));
    words.set(50, 50, dst.grf);
    words.set(63, 56, dst.number);
    words.set(42, 40, code(a.type));
    words.set(43, 43, 1);  // vertical stride 8: 0b11
    words.set(35, 35, 1);
    words.set(45, 45, a.negate);
    words.set(65, 64, 1);
    words.set(66, 66, a.grf);
    words.set(79, 72, a.number);
    words.set(90, 88, code(b.type));
    words.set(91, 91, 1);
    words.set(83, 83, 1);
    words.set(87, 87, b.negate);
    words.set(97, 96, 1);
    words.set(98, 98, b.grf);
    words.set(111, 104, b.number);
    words.set(82, 80, code(c.type));
    words.set(85, 85, c.negate);
    words.set(113, 112, 1);
    words.set(114, 114, c.grf);
    words.set(127, 120, c.number);
    return words;
}

/// Flow control: offsets in bytes from the instruction itself.
inline Words flow(unsigned opcode, int32_t jip, int32_t uip, const Control& control = {}) {
    Words words;
    Control plain = control;
    plain.condition = 0;
    assembler_detail::set_controls(words, opcode, plain);
    words.set(46, 46, 1);
    words.set(127, 96, static_cast<uint32_t>(jip));
    words.set(95, 64, static_cast<uint32_t>(uip));
    return words;
}

inline Words sync(unsigned function) {
    Words words;
    assembler_detail::set_controls(words, 0x01, {.channels = 1});
    words.set(95, 92, function);
    return words;
}

struct SendFields {
    unsigned sfid = 0;
    uint32_t descriptor = 0;
    unsigned payload = 0;
    unsigned payload2 = 0;
    unsigned length2 = 0;
    bool ends = false;
};
inline Words send(const Reg& dst, const SendFields& fields, const Control& control = {}) {
    Words words;
    assembler_detail::set_controls(words, 0x31, control);
    words.set(34, 34, fields.ends);
    words.set(50, 50, dst.grf);
    words.set(63, 56, dst.number);
    words.set(79, 72, fields.payload);
    words.set(66, 66, 1);
    words.set(98, 98, 1);
    words.set(111, 104, fields.payload2);
    words.set(103, 99, fields.length2);
    words.set(95, 92, fields.sfid);
    const uint32_t d = fields.descriptor;
    words.set(123, 122, d >> 30);
    words.set(71, 67, d >> 25 & 31);
    words.set(55, 51, d >> 20 & 31);
    words.set(121, 113, d >> 11 & 0x1ff);
    words.set(91, 81, d & 0x7ff);
    return words;
}

/// A descriptor of the data ports (Mesa's brw_eu.h, brw_dp_desc).
constexpr uint32_t data_port(unsigned type, unsigned control, unsigned index, unsigned length,
                             unsigned response) {
    return index | control << 8 | type << 14 | response << 20 | length << 25;
}

inline Words end_of_thread() {
    return send(null(), {.sfid = 7, .descriptor = 1u << 25, .payload = 0, .ends = true});
}

}  // namespace simgpu::intel::eu
