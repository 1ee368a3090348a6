// The tables of ALU instructions: a row has a kernel for each kind of lane it computes in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "simgpu/intel/eu/exec/thread.h"
#include "simgpu/intel/eu/isa/instruction.h"

namespace simgpu::intel::eu {

/// A value for each channel, in one kind of lane. (The library is compiled without strict
/// aliasing.)
struct alignas(64) Row {
    std::byte bytes[kMaxChannels * 8];

    template <class T>
    T* as() {
        return reinterpret_cast<T*>(bytes);
    }
};

/// Computes `count` channels (a multiple of 8, at most 32). Sources that the instruction does not
/// have are not looked at. The result may replace one of the sources.
using Kernel = void (*)(std::byte* out, const std::byte* const source[3], unsigned count);

struct AluOp {
    enum Flag : uint8_t {
        kNone = 0,
        /// The result's low bits depend on the operands' low bits alone: signed or not, narrow or
        /// not, all is computed as unsigned.
        kWraps = 1,
        /// The source modifier "negate" inverts the bits instead.
        kLogic = 2,
        /// The first source and the destination decide the lanes: shifts.
        kFirstDecides = 4,
        /// Of a row with a handler: it has no lanes of floats.
        kIntegersOnly = 8,
    };
    uint8_t opcode = 0;
    const char* name = nullptr;
    uint8_t sources = 0;
    uint8_t flags = 0;
    std::array<Kernel, kLaneKinds> kernels{};
    Handler handler = nullptr;

    bool wraps() const { return flags & kWraps; }
    bool logic() const { return flags & kLogic; }
    bool first_decides() const { return flags & kFirstDecides; }
    bool integers_only() const { return flags & kIntegersOnly; }
};

template <Lane kLane>
struct LaneTypeOf;
template <>
struct LaneTypeOf<Lane::kU32> : std::type_identity<uint32_t> {};
template <>
struct LaneTypeOf<Lane::kI32> : std::type_identity<int32_t> {};
template <>
struct LaneTypeOf<Lane::kU64> : std::type_identity<uint64_t> {};
template <>
struct LaneTypeOf<Lane::kI64> : std::type_identity<int64_t> {};
template <>
struct LaneTypeOf<Lane::kF32> : std::type_identity<float> {};
template <>
struct LaneTypeOf<Lane::kF64> : std::type_identity<double> {};
template <Lane kLane>
using LaneType = typename LaneTypeOf<kLane>::type;

namespace alu_detail {

template <auto F, class T, size_t kSources>
void compute(std::byte* out, const std::byte* const source[3], unsigned count) {
    T* to = reinterpret_cast<T*>(out);
    if constexpr (kSources == 1) {
        const T* a = reinterpret_cast<const T*>(source[0]);
        for (unsigned i = 0; i < count; i++) to[i] = static_cast<T>(F(a[i]));
    } else if constexpr (kSources == 2) {
        const T* a = reinterpret_cast<const T*>(source[0]);
        const T* b = reinterpret_cast<const T*>(source[1]);
        for (unsigned i = 0; i < count; i++) to[i] = static_cast<T>(F(a[i], b[i]));
    } else {
        const T* a = reinterpret_cast<const T*>(source[0]);
        const T* b = reinterpret_cast<const T*>(source[1]);
        const T* c = reinterpret_cast<const T*>(source[2]);
        for (unsigned i = 0; i < count; i++) to[i] = static_cast<T>(F(a[i], b[i], c[i]));
    }
}

template <auto F, size_t kSources, Lane... kLanes>
constexpr std::array<Kernel, kLaneKinds> kernels() {
    std::array<Kernel, kLaneKinds> all{};
    ((all[index_of(kLanes)] = &compute<F, LaneType<kLanes>, kSources>), ...);
    return all;
}

}  // namespace alu_detail

/// A row of a table: the generic lambda `F` on each channel, for these kinds of lanes.
template <auto F, size_t kSources, Lane... kLanes>
constexpr AluOp lanes(uint8_t opcode, const char* name, uint8_t flags = AluOp::kNone) {
    return {opcode, name, kSources, flags, alu_detail::kernels<F, kSources, kLanes...>(), nullptr};
}
/// The same for integers of all kinds.
template <auto F, size_t kSources>
constexpr AluOp integers(uint8_t opcode, const char* name, uint8_t flags = AluOp::kNone) {
    return lanes<F, kSources, Lane::kU32, Lane::kI32, Lane::kU64, Lane::kI64>(opcode, name, flags);
}
/// A row with other kernels for integers than for floats.
constexpr AluOp with_floats(AluOp row, const AluOp& floats) {
    for (const Lane lane : {Lane::kF32, Lane::kF64})
        row.kernels[index_of(lane)] = floats.kernels[index_of(lane)];
    return row;
}
/// A row that `handler` executes altogether.
constexpr AluOp special(uint8_t opcode, const char* name, uint8_t sources, Handler handler,
                        uint8_t flags = AluOp::kNone) {
    return {opcode, name, sources, flags, {}, handler};
}

/// Rows, by the file that has them. Opcodes: PRM volume 7, "Opcode Encoding".
std::span<const AluOp> logic_ops();
std::span<const AluOp> integer_ops();
std::span<const AluOp> arithmetic_ops();
std::span<const AluOp> select_ops();
std::span<const AluOp> math_ops();

/// Null for an opcode that is not in a table.
const AluOp* find_alu_op(uint8_t opcode);

/// Executes rows without a handler.
void execute_alu(Thread& thread, const Instruction& in);

}  // namespace simgpu::intel::eu
