// Bits: logic, shifts, counts, fields.
#include <bit>
#include <climits>

#include "simgpu/intel/eu/alu/operands.h"

namespace simgpu::intel::eu {

namespace {

template <class T>
using Unsigned = std::make_unsigned_t<T>;

template <class T>
constexpr unsigned kBits = sizeof(T) * CHAR_BIT;

template <class T>
unsigned shift_count(T count) {
    return static_cast<unsigned>(count) & (kBits<T> - 1);
}

template <class T>
T reverse(T value) {
    auto bits = static_cast<uint32_t>(value), reversed = 0u;
    for (unsigned i = 0; i < 32; i++) reversed |= (bits >> i & 1) << (31 - i);
    return static_cast<T>(reversed);
}

/// FBH: from the top, the first bit that differs from the sign; all ones if there is none.
template <class T>
T first_bit_high(T value) {
    const auto bits = static_cast<Unsigned<T>>(value < 0 ? ~value : value);
    return bits ? static_cast<T>(std::countl_zero(bits)) : static_cast<T>(-1);
}

template <class T>
T first_bit_low(T value) {
    const auto bits = static_cast<Unsigned<T>>(value);
    return bits ? static_cast<T>(std::countr_zero(bits)) : static_cast<T>(-1);
}

template <class T>
T field_mask(T width, T offset) {
    const unsigned bits = static_cast<unsigned>(width) & 31;
    return static_cast<T>(((uint32_t{1} << bits) - 1) << (static_cast<unsigned>(offset) & 31));
}

/// BFE: a field that reaches beyond bit 31 ends there; of signed data, its top bit is the sign.
template <class T>
T extract(T width, T offset, T data) {
    const unsigned bits = static_cast<unsigned>(width) & 31;
    const unsigned from = static_cast<unsigned>(offset) & 31;
    if (bits == 0) return 0;
    if (bits + from >= 32) return static_cast<T>(data >> from);
    const auto raised = static_cast<T>(static_cast<uint32_t>(data) << (32 - bits - from));
    return static_cast<T>(raised >> (32 - bits));
}

/// BFN: any function of three bits, whose value for (c, b, a) is bit 4c + 2b + a of its table.
void boolean_function(Thread& thread, const Instruction& in) {
    const ChannelMask enabled = enabled_channels(thread, in);
    Row spare[3], result;
    const uint32_t* source[3];
    for (unsigned i = 0; i < 3; i++)
        source[i] = reinterpret_cast<const uint32_t*>(
            read_source(thread, in, in.src[i], Lane::kU32, true, spare[i]));
    for (unsigned i = 0; i < lane_count(in); i++) {
        uint32_t bits = 0;
        for (unsigned row = 0; row < 8; row++)
            if (in.function >> row & 1)
                bits |= (row & 1 ? source[0][i] : ~source[0][i]) &
                        (row & 2 ? source[1][i] : ~source[1][i]) &
                        (row & 4 ? source[2][i] : ~source[2][i]);
        result.as<uint32_t>()[i] = bits;
    }
    if (in.condition != Condition::kNone)
        write_flags(thread, in, compare_result(in, Lane::kU32, result.bytes), enabled);
    write_destination(thread, in, result.bytes, Lane::kU32, enabled);
}

constexpr uint8_t kBitwise = AluOp::kWraps | AluOp::kLogic;
constexpr uint8_t kShift = AluOp::kFirstDecides;

template <auto F, size_t kSources>
constexpr AluOp dwords(uint8_t opcode, const char* name) {
    return lanes<F, kSources, Lane::kU32, Lane::kI32>(opcode, name);
}

constexpr AluOp kLogicOps[] = {
    integers<[](auto a) { return ~a; }, 1>(0x64, "not", kBitwise),
    integers<[](auto a, auto b) { return a & b; }, 2>(0x65, "and", kBitwise),
    integers<[](auto a, auto b) { return a | b; }, 2>(0x66, "or", kBitwise),
    integers<[](auto a, auto b) { return a ^ b; }, 2>(0x67, "xor", kBitwise),
    integers<[](auto a, auto b) {
        return (static_cast<Unsigned<decltype(a)>>(a) >> shift_count(b));
    },
             2>(0x68, "shr", kShift),
    integers<[](auto a, auto b) { return static_cast<Unsigned<decltype(a)>>(a) << shift_count(b); },
             2>(0x69, "shl", kShift),
    integers<[](auto a, auto b) { return (a >> shift_count(b)); }, 2>(0x6c, "asr", kShift),
    integers<[](auto a, auto b) {
        return std::rotr(static_cast<Unsigned<decltype(a)>>(a), static_cast<int>(shift_count(b)));
    },
             2>(0x6e, "ror", kShift),
    integers<[](auto a, auto b) {
        return std::rotl(static_cast<Unsigned<decltype(a)>>(a), static_cast<int>(shift_count(b)));
    },
             2>(0x6f, "rol", kShift),
    dwords<[](auto a) { return reverse(a); }, 1>(0x77, "bfrev"),
    dwords<[](auto width, auto offset, auto data) { return extract(width, offset, data); }, 3>(
        0x78, "bfe"),
    dwords<[](auto width, auto offset) { return field_mask(width, offset); }, 2>(0x79, "bfi1"),
    dwords<[](auto mask, auto field, auto base) { return (mask & field) | (~mask & base); }, 3>(
        0x7a, "bfi2"),
    dwords<[](auto a) { return std::countl_zero(static_cast<uint32_t>(a)); }, 1>(0x4a, "lzd"),
    dwords<[](auto a) { return first_bit_high(a); }, 1>(0x4b, "fbh"),
    dwords<[](auto a) { return first_bit_low(a); }, 1>(0x4c, "fbl"),
    integers<[](auto a) { return std::popcount(static_cast<Unsigned<decltype(a)>>(a)); }, 1>(
        0x4d, "cbit"),
    special(0x6b, "bfn", 3, boolean_function, kBitwise | AluOp::kIntegersOnly),
};

}  // namespace

std::span<const AluOp> logic_ops() {
    return kLogicOps;
}

}  // namespace simgpu::intel::eu
