#include "simgpu/intel/eu/alu/operands.h"

#include <array>
#include <cmath>

#include "simgpu/clock.h"
#include "simgpu/intel/eu/alu/gather.h"

namespace simgpu::intel::eu {

namespace {

bool keeps_half_denormals(const Thread& thread) {
    return thread.control & cr0::kKeepHalfDenormals;
}

/// The flags from the instruction's first channel on.
uint64_t flag_window(const Thread& thread, unsigned flag) {
    const unsigned word = flag >> 1;
    const uint64_t next = thread.flags[(word + 1) & 3];
    return thread.flags[word & 3] | next << 32;
}

// --- architecture registers

/// Bytes of an architecture register, as an instruction sees them.
struct ArfImage {
    alignas(8) std::array<std::byte, 64 + 64> bytes{};  // with what whole groups of channels read

    template <class T>
    void put(const T& value, size_t at = 0) {
        std::memcpy(bytes.data() + at, &value, sizeof value);
    }
};

void load_arf(const Thread& thread, const Operand& operand, ArfImage& image) {
    switch (operand.arf_kind()) {
        case Arf::kAddress:
            image.put(thread.a0);
            break;
        case Arf::kFlag:
            for (unsigned i = 0; i < 2; i++)
                image.put(thread.flags[(operand.arf + i) & 3], 4 * size_t{i});
            break;
        case Arf::kChannelEnable:  // ce0: what flow control enables
            image.put(thread.active);
            break;
        case Arf::kState:  // sr0.2: dispatch mask, sr0.3: vector mask; both as dispatched
            image.put(thread.dispatched, 8);
            image.put(thread.dispatched, 12);
            break;
        case Arf::kControl:
            image.put(thread.control);
            break;
        case Arf::kIp:
            image.put(thread.ip);
            break;
        case Arf::kTimestamp:
            image.put(monotonic_ns());
            break;
        default:
            break;
    }
}

/// Elements of the accumulator are whole channels, whatever the type.
void read_accumulator(const Thread& thread, const Instruction& in, const Operand& source, Lane lane,
                      std::byte* out) {
    const unsigned first = in.first_channel + source.byte / size_of(source.type);
    std::array<uint64_t, kMaxChannels> values;
    for (unsigned i = 0; i < lane_count(in); i++) {
        const unsigned element = source.scalar ? 0 : i;
        values[i] = thread.accumulator[(first + element) & 63];
    }
    Elements elements{reinterpret_cast<const std::byte*>(values.data()), nullptr, 8, true};
    const Type held = is_float(source.type) ? Type::kDF : source.type;
    if (const Gather gather = gather_function(held, lane)) gather(elements, lane_count(in), out);
}

// --- immediates

/// A packed vector's numbers, as bytes or words that a gather understands.
void read_immediate(const Instruction& in, const Operand& source, Lane lane, std::byte* out) {
    std::array<std::byte, 64> elements{};
    Type type = source.type;
    unsigned stride = 0;
    if (type == Type::kUV || type == Type::kV) {
        for (unsigned i = 0; i < kMaxChannels; i++) {
            const auto digit = static_cast<int>(source.value >> (4 * (i & 7)) & 15);
            const int value = type == Type::kV && digit > 7 ? digit - 16 : digit;
            elements[i] = static_cast<std::byte>(value);
        }
        type = type == Type::kV ? Type::kB : Type::kUB;
        stride = 1;
    } else if (type == Type::kVF) {
        for (unsigned i = 0; i < kMaxChannels; i++)
            elements[i] = static_cast<std::byte>(source.value >> (8 * (i & 3)));
        stride = 1;
    } else {
        std::memcpy(elements.data(), &source.value, sizeof source.value);
    }
    if (const Gather gather = gather_function(type, lane))
        gather({elements.data(), nullptr, stride, true}, lane_count(in), out);
}

// --- registers

void read_indirect(const Thread& thread, const Instruction& in, const Operand& source, Lane lane,
                   std::byte* out) {
    const unsigned limit = kGrfs * thread.grf_bytes;
    std::array<uint16_t, kMaxChannels> offset;
    for (unsigned i = 0; i < lane_count(in); i++) {
        const unsigned row = source.row_addresses ? i / source.width : 0;
        const int address =
            thread.a0[(source.address_index + row) & 15] + source.address_offset + source.offset[i];
        offset[i] = static_cast<uint16_t>(static_cast<unsigned>(address) & (limit - 1));
    }
    const Elements elements{thread.grf, offset.data(), 0, keeps_half_denormals(thread)};
    gather_function(source.type, lane)(elements, lane_count(in), out);
}

void read_region(Thread& thread, const Instruction& in, const Operand& source, Lane lane,
                 std::byte* out) {
    const Gather gather = gather_function(source.type, lane);
    ArfImage image;
    const std::byte* base = thread.grf + source.byte;
    if (source.file == File::kArf) {
        load_arf(thread, source, image);
        base = image.bytes.data() + source.byte;
    }
    const bool linear = source.linear || source.scalar;
    gather({base, linear ? nullptr : source.offset.data(), source.scalar ? 0u : source.stride,
            keeps_half_denormals(thread)},
           lane_count(in), out);
}

template <class T>
void modify(std::byte* row, unsigned count, bool absolute, bool negate, bool invert) {
    T* values = reinterpret_cast<T*>(row);
    if (absolute)
        for (unsigned i = 0; i < count; i++) {
            if constexpr (std::is_floating_point_v<T>)
                values[i] = std::fabs(values[i]);
            else if constexpr (std::is_signed_v<T>)
                values[i] = values[i] < 0 ? static_cast<T>(0 - std::make_unsigned_t<T>(values[i]))
                                          : values[i];
        }
    if (negate)
        for (unsigned i = 0; i < count; i++) {
            if constexpr (std::is_floating_point_v<T>)
                values[i] = -values[i];
            else
                values[i] = static_cast<T>(0 - std::make_unsigned_t<T>(values[i]));
        }
    if (invert)
        for (unsigned i = 0; i < count; i++)
            if constexpr (!std::is_floating_point_v<T>) values[i] = static_cast<T>(~values[i]);
}
using Modify = void (*)(std::byte*, unsigned, bool, bool, bool);
constexpr Modify kModify[kLaneKinds] = {modify<uint32_t>, modify<int32_t>, modify<uint64_t>,
                                        modify<int64_t>,  modify<float>,   modify<double>};

/// The absolute value of a narrow or signed source, in lanes that may be unsigned.
void absolute_of_signed(Type type, Lane lane, unsigned count, std::byte* row) {
    if (!is_signed_integer(type)) return;
    const Lane as = lane == Lane::kU32 ? Lane::kI32 : lane == Lane::kU64 ? Lane::kI64 : lane;
    kModify[index_of(as)](row, count, true, false, false);
}

bool lies_ready(const Operand& source, Lane lane) {
    if (!source.packed() || source.negate || source.absolute) return false;
    if (source.type == Type::kHF || size_of(source.type) < 4) return false;
    const bool wide = lane == Lane::kU64 || lane == Lane::kI64 || lane == Lane::kF64;
    return (size_of(source.type) == 8) == wide;
}

}  // namespace

const std::byte* read_source(Thread& thread, const Instruction& in, const Operand& source,
                             Lane lane, bool logic, Row& spare) {
    if (lies_ready(source, lane)) return thread.grf + source.byte;
    std::byte* out = spare.bytes;
    if (source.file == File::kImmediate)
        read_immediate(in, source, lane, out);
    else if (source.indirect)
        read_indirect(thread, in, source, lane, out);
    else if (source.file == File::kArf && source.arf_kind() == Arf::kAccumulator)
        read_accumulator(thread, in, source, lane, out);
    else
        read_region(thread, in, source, lane, out);
    if (source.absolute) {
        if (is_float(source.type))
            kModify[index_of(lane)](out, lane_count(in), true, false, false);
        else
            absolute_of_signed(source.type, lane, lane_count(in), out);
    }
    if (source.negate) kModify[index_of(lane)](out, lane_count(in), false, !logic, logic);
    return out;
}

void write_accumulator(Thread& thread, const Instruction& in, const std::byte* result, Lane lane,
                       ChannelMask mask) {
    const Type held = lane == Lane::kF32 || lane == Lane::kF64 ? Type::kDF : Type::kQ;
    std::array<uint64_t, kMaxChannels> values;
    scatter_function(lane, held)(result, lane_count(in), mask_of(lane_count(in)),
                                 {reinterpret_cast<std::byte*>(values.data()), 8, false, true});
    for_each_channel(
        mask, [&](unsigned i) { thread.accumulator[(in.first_channel + i) & 63] = values[i]; });
}

void write_destination(Thread& thread, const Instruction& in, const std::byte* result, Lane lane,
                       ChannelMask mask) {
    const Operand& dst = in.dst;
    if (dst.is_null() || mask == 0) return;
    Target target{nullptr, dst.stride, in.saturate, keeps_half_denormals(thread)};
    const Scatter scatter = scatter_function(lane, dst.type);
    if (dst.file == File::kGrf) {
        target.to = thread.grf + dst.byte;
        if (!dst.indirect) return scatter(result, in.channels, mask, target);
        // Each channel by itself, as the run may wrap.
        const unsigned limit = kGrfs * thread.grf_bytes;
        const int start = thread.a0[dst.address_index & 15] + dst.address_offset;
        Row packed;
        const unsigned size = size_of(dst.type);
        scatter(result, in.channels, mask,
                {packed.bytes, size, in.saturate, target.keep_half_denormals});
        for_each_channel(mask, [&](unsigned i) {
            const unsigned at = static_cast<unsigned>(start + static_cast<int>(i * dst.stride));
            std::memcpy(thread.grf + (at & (limit - 1)), packed.bytes + i * size, size);
        });
        return;
    }
    if (dst.arf_kind() == Arf::kAccumulator) {
        // As the destination's type has it.
        Row packed, lanes;
        const unsigned size = size_of(dst.type);
        const Lane natural = natural_lane(dst.type);
        scatter(result, in.channels, mask, {packed.bytes, size, in.saturate, true});
        gather_function(dst.type, natural)({packed.bytes, nullptr, size, true}, lane_count(in),
                                           lanes.bytes);
        // An accumulator's integers have more bits than a destination of 32.
        const bool wide = lane == Lane::kI64 || lane == Lane::kU64;
        write_accumulator(thread, in, wide && !in.saturate ? result : lanes.bytes,
                          wide && !in.saturate ? lane : natural, mask);
        return;
    }
    ArfImage image;
    load_arf(thread, dst, image);
    target.to = image.bytes.data() + dst.byte;
    scatter(result, in.channels, mask, target);
    const auto take = [&](auto& to) { std::memcpy(&to, image.bytes.data(), sizeof to); };
    switch (dst.arf_kind()) {
        case Arf::kAddress:
            take(thread.a0);
            break;
        case Arf::kFlag:
            take(thread.flags[dst.arf & 3]);
            break;
        case Arf::kControl:
            take(thread.control);
            break;
        default:
            thread.fail("a write to a read-only architecture register");
    }
}

namespace {

template <class T>
ChannelMask compare_as(Condition condition, const T* a, const T* b, unsigned count) {
    const auto collect = [&](auto holds) {
        ChannelMask mask = 0;
        for (unsigned i = 0; i < count; i++) mask |= ChannelMask{holds(a[i], b[i])} << i;
        return mask;
    };
    switch (condition) {
        case Condition::kZero:
            return collect([](T x, T y) { return x == y; });
        case Condition::kNotZero:
            return collect([](T x, T y) { return x != y; });
        case Condition::kGreater:
            return collect([](T x, T y) { return x > y; });
        case Condition::kGreaterEqual:
            return collect([](T x, T y) { return x >= y; });
        case Condition::kLess:
            return collect([](T x, T y) { return x < y; });
        case Condition::kLessEqual:
            return collect([](T x, T y) { return x <= y; });
        case Condition::kUnordered:
            return collect([](T x, T y) { return x != x || y != y; });
        default:
            return 0;  // overflow: refused by the decoder
    }
}

template <class T>
ChannelMask compare_bytes(Condition condition, const std::byte* a, const std::byte* b,
                          unsigned count) {
    return compare_as(condition, reinterpret_cast<const T*>(a), reinterpret_cast<const T*>(b),
                      count);
}
using Compare = ChannelMask (*)(Condition, const std::byte*, const std::byte*, unsigned);
constexpr Compare kCompare[kLaneKinds] = {compare_bytes<uint32_t>, compare_bytes<int32_t>,
                                          compare_bytes<uint64_t>, compare_bytes<int64_t>,
                                          compare_bytes<float>,    compare_bytes<double>};

}  // namespace

ChannelMask compare(Condition condition, Lane lane, const std::byte* a, const std::byte* b,
                    unsigned count) {
    return kCompare[index_of(lane)](condition, a, b, count);
}

ChannelMask compare_result(const Instruction& in, Lane lane, const std::byte* result) {
    static constexpr Row kZeros{};
    const Type type = in.dst.type;
    const Lane natural = natural_lane(type);
    // The same bits, read as the destination's type.
    const bool same_bits = natural == lane || (!is_float(type) && lane <= Lane::kI32);
    if (same_bits && size_of(type) == (lane <= Lane::kI32 || lane == Lane::kF32 ? 4 : 8) &&
        !in.saturate)
        return compare(in.condition, natural, result, kZeros.bytes, in.channels);
    Row packed, lanes;
    const unsigned size = size_of(type);
    scatter_function(lane, type)(result, lane_count(in), mask_of(lane_count(in)),
                                 {packed.bytes, size, in.saturate, true});
    gather_function(type, natural)({packed.bytes, nullptr, size, true}, lane_count(in),
                                   lanes.bytes);
    return compare(in.condition, natural, lanes.bytes, kZeros.bytes, in.channels);
}

void write_flags(Thread& thread, const Instruction& in, ChannelMask values, ChannelMask written) {
    const unsigned shift = 16u * (in.flag & 1u) + in.first_channel;
    const unsigned word = in.flag >> 1;
    const uint64_t mask = uint64_t{written} << shift;
    const uint64_t bits = uint64_t{values} << shift & mask;
    for (unsigned half = 0; half < 2; half++) {
        uint32_t& flags = thread.flags[(word + half) & 3];
        flags = (flags & ~static_cast<uint32_t>(mask >> (32 * half))) |
                static_cast<uint32_t>(bits >> (32 * half));
    }
}

ChannelMask predicate_channels(const Thread& thread, const Instruction& in) {
    const ChannelMask all = mask_of(in.channels);
    if (in.predicate == Predicate::kNone) return all;
    const uint64_t window = flag_window(thread, in.flag) >> (16u * (in.flag & 1u));
    auto set = static_cast<ChannelMask>(window >> in.first_channel);
    if (in.predicate != Predicate::kNormal) {
        const unsigned group = in.predicate_group;
        const ChannelMask whole = mask_of(group);
        ChannelMask grouped = 0;
        for (unsigned i = 0; i < in.channels; i++) {
            const unsigned start = (in.first_channel + i) / group * group;
            const auto flags = static_cast<ChannelMask>(window >> start) & whole;
            const bool holds = in.predicate == Predicate::kAny ? flags != 0 : flags == whole;
            grouped |= ChannelMask{holds} << i;
        }
        set = grouped;
    }
    return (in.predicate_inverted ? ~set : set) & all;
}

ChannelMask unpredicated_channels(const Thread& thread, const Instruction& in) {
    const ChannelMask all = mask_of(in.channels);
    return in.no_mask ? all : thread.active >> in.first_channel & all;
}

ChannelMask enabled_channels(const Thread& thread, const Instruction& in) {
    return unpredicated_channels(thread, in) & predicate_channels(thread, in);
}

}  // namespace simgpu::intel::eu
