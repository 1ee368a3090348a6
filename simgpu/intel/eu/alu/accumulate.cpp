// Integer instructions that use the accumulator's extra bits.
#include <cstring>

#include "simgpu/intel/eu/alu/operands.h"

namespace simgpu::intel::eu {

namespace {

struct Sources {
    Row spare[2];
    const int64_t* a;
    const int64_t* b;

    Sources(Thread& thread, const Instruction& in) {
        a = reinterpret_cast<const int64_t*>(
            read_source(thread, in, in.src[0], Lane::kI64, false, spare[0]));
        b = reinterpret_cast<const int64_t*>(
            read_source(thread, in, in.src[1], Lane::kI64, false, spare[1]));
    }
};

uint64_t accumulated(const Thread& thread, const Instruction& in, unsigned channel) {
    return thread.accumulator[(in.first_channel + channel) & 63];
}

void finish(Thread& thread, const Instruction& in, Row& result, Row& accumulator) {
    const ChannelMask enabled = enabled_channels(thread, in);
    if (in.condition != Condition::kNone)
        write_flags(thread, in, compare_result(in, Lane::kI64, result.bytes), enabled);
    write_destination(thread, in, result.bytes, Lane::kI64, enabled);
    write_accumulator(thread, in, accumulator.bytes, Lane::kI64, enabled);
}

/// mach: with `mul acc` before it, bits 63:32 of the product of two dwords. The mul had the low
/// half of the second source; this adds the product with the upper one.
void mach(Thread& thread, const Instruction& in) {
    const Sources source(thread, in);
    Row result, accumulator;
    const bool is_signed = is_signed_integer(in.src[1].type);
    for (unsigned i = 0; i < lane_count(in); i++) {
        const auto b = static_cast<uint32_t>(source.b[i]);
        const int64_t upper = is_signed ? static_cast<int32_t>(b) >> 16 : int64_t{b >> 16};
        const uint64_t product = static_cast<uint64_t>(source.a[i]) * static_cast<uint64_t>(upper);
        const uint64_t sum = accumulated(thread, in, i) + (product << 16);
        accumulator.as<uint64_t>()[i] = sum;
        result.as<uint64_t>()[i] = sum >> 32;
    }
    finish(thread, in, result, accumulator);
}

/// mac: the product added to the accumulator.
void mac(Thread& thread, const Instruction& in) {
    if (is_float(in.dst.type)) return thread.fail("mac of floats");
    const Sources source(thread, in);
    Row result;
    for (unsigned i = 0; i < lane_count(in); i++)
        result.as<uint64_t>()[i] =
            accumulated(thread, in, i) +
            static_cast<uint64_t>(source.a[i]) * static_cast<uint64_t>(source.b[i]);
    finish(thread, in, result, result);
}

/// addc, subb: the carry or borrow of unsigned dwords goes to the accumulator.
void addc(Thread& thread, const Instruction& in) {
    const Sources source(thread, in);
    Row result, carry;
    for (unsigned i = 0; i < lane_count(in); i++) {
        const uint64_t sum =
            uint64_t{static_cast<uint32_t>(source.a[i])} + static_cast<uint32_t>(source.b[i]);
        result.as<uint64_t>()[i] = sum & UINT32_MAX;
        carry.as<uint64_t>()[i] = sum >> 32;
    }
    finish(thread, in, result, carry);
}

void subb(Thread& thread, const Instruction& in) {
    const Sources source(thread, in);
    Row result, borrow;
    for (unsigned i = 0; i < lane_count(in); i++) {
        const auto a = static_cast<uint32_t>(source.a[i]), b = static_cast<uint32_t>(source.b[i]);
        result.as<uint64_t>()[i] = uint32_t{a - b};
        borrow.as<uint64_t>()[i] = a < b;
    }
    finish(thread, in, result, borrow);
}

constexpr AluOp kAccumulateOps[] = {
    special(0x48, "mac", 2, mac, AluOp::kIntegersOnly),
    special(0x49, "mach", 2, mach, AluOp::kIntegersOnly),
    special(0x4e, "addc", 2, addc, AluOp::kIntegersOnly),
    special(0x4f, "subb", 2, subb, AluOp::kIntegersOnly),
};

}  // namespace

std::span<const AluOp> integer_ops() {
    return kAccumulateOps;
}

}  // namespace simgpu::intel::eu
