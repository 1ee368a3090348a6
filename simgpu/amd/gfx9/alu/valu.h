// Vector ALU instructions as tables of scalar lambdas.
//
// An instruction's arithmetic is one lambda on one lane; its parameter types (uint32_t, float,
// Half, double, ...) say how operands are read, which modifiers apply and how constants widen.
// `lanes()` turns it into a kernel: a loop over the 64 lanes that the compiler vectorises. All
// else (operand fetch, modifiers, SDWA, DPP, EXEC) is common code in valu.cpp.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "simgpu/amd/gfx9/wave/half.h"
#include "simgpu/amd/gfx9/wave/wave.h"

namespace simgpu::gfx9 {

/// A bit per lane: carry-in, select.
struct MaskBit {
    bool set;
};
/// The lane's own number; not an operand.
struct LaneIndex {
    uint32_t value;
};
/// A result with a bit per lane beside it: carry-out.
template <class T>
struct WithMask {
    T value;
    bool mask;
};

/// Rows a kernel reads and writes. Results never overlap sources.
struct LaneArgs {
    const uint32_t* low[4] = {};
    const uint32_t* high[4] = {};
    uint32_t* out_low = nullptr;
    uint32_t* out_high = nullptr;
    uint32_t* mask = nullptr;  // 0 or ~0 a lane
};
using Kernel = void (*)(const LaneArgs& args);

struct ValuOp {
    uint16_t opcode = 0;
    const char* name = nullptr;
    Kernel kernel = nullptr;
    Kernel clamped = nullptr;   // integer saturation, where CLAMP means that
    Handler handler = nullptr;  // instead of a kernel
    Type dst = Type::kNone;
    Type src[4] = {};
    bool mask_out = false;
    FpClass fp = FpClass::kNone;
    uint8_t flags = 0;

    static constexpr uint8_t kAccumulates = 1;     // the destination is the third source
    static constexpr uint8_t kKeepsHigh = 2;       // a 16-bit result leaves the other half alone
    static constexpr uint8_t kFloatModifiers = 4;  // ABS and NEG apply though the type is B32
    static constexpr uint8_t kLiteralSecond = 8;   // V_MADMK
    static constexpr uint8_t kLiteralThird = 16;   // V_MADAK
    static constexpr uint8_t kImplicitVcc = 32;    // the mask operand is VCC in VOP3 as well
    static constexpr uint8_t kScalarDst = 64;      // writes an SGPR

    constexpr ValuOp with(uint8_t more) const {
        ValuOp op = *this;
        op.flags |= more;
        return op;
    }
    constexpr ValuOp in(FpClass other) const {
        ValuOp op = *this;
        op.fp = other;
        return op;
    }
    constexpr ValuOp saturating(Kernel other) const {
        ValuOp op = *this;
        op.clamped = other;
        return op;
    }
};

namespace valu_detail {

template <class T>
constexpr Type type_of() {
    if constexpr (std::is_same_v<T, float>) return Type::kF32;
    if constexpr (std::is_same_v<T, double>) return Type::kF64;
    if constexpr (std::is_same_v<T, Half>) return Type::kF16;
    if constexpr (std::is_same_v<T, MaskBit>) return Type::kMask;
    if constexpr (std::is_same_v<T, LaneIndex> || std::is_same_v<T, bool>) return Type::kNone;
    if constexpr (std::is_integral_v<T> && sizeof(T) == 2) return Type::kB16;
    if constexpr (std::is_integral_v<T> && sizeof(T) == 8) return Type::kB64;
    return Type::kB32;
}

template <class T>
inline T load(const uint32_t* low, const uint32_t* high, unsigned lane) {
    if constexpr (std::is_same_v<T, LaneIndex>)
        return {lane};
    else if constexpr (std::is_same_v<T, MaskBit>)
        return {low[lane] != 0};
    else if constexpr (std::is_same_v<T, Half>)
        return Half(static_cast<uint16_t>(low[lane]));
    else if constexpr (sizeof(T) == 2)
        return static_cast<T>(low[lane]);
    else if constexpr (sizeof(T) == 4)
        return std::bit_cast<T>(low[lane]);
    else
        return std::bit_cast<T>(low[lane] | static_cast<uint64_t>(high[lane]) << 32);
}

template <class T>
struct Result {
    using Value = T;
    static constexpr bool kMask = false;
};
template <class T>
struct Result<WithMask<T>> {
    using Value = T;
    static constexpr bool kMask = true;
};
template <>
struct Result<bool> {
    using Value = bool;
    static constexpr bool kMask = true;
};

struct Outputs {
    uint32_t* __restrict low;
    uint32_t* __restrict high;
    uint32_t* __restrict mask;
};

template <class T>
inline void store(const Outputs& out, unsigned lane, T value) {
    if constexpr (std::is_same_v<T, bool>) {
        out.mask[lane] = 0u - static_cast<uint32_t>(value);
    } else if constexpr (std::is_same_v<T, Half>) {
        out.low[lane] = value.bits;
    } else if constexpr (sizeof(T) == 2) {
        out.low[lane] = static_cast<uint16_t>(value);
    } else if constexpr (sizeof(T) == 4) {
        out.low[lane] = std::bit_cast<uint32_t>(value);
    } else {
        const auto bits = std::bit_cast<uint64_t>(value);
        out.low[lane] = static_cast<uint32_t>(bits);
        out.high[lane] = static_cast<uint32_t>(bits >> 32);
    }
}
template <class T>
inline void store(const Outputs& out, unsigned lane, WithMask<T> value) {
    store(out, lane, value.value);
    out.mask[lane] = 0u - static_cast<uint32_t>(value.mask);
}

template <class F>
struct Signature;

template <class R, class... A>
struct Signature<R (*)(A...)> {
    static_assert(sizeof...(A) <= 4);

    template <auto F>
    static void run(const LaneArgs& args) {
        apply<F>(args, std::index_sequence_for<A...>{});
    }
    template <auto F, std::size_t... I>
    static void apply(const LaneArgs& args, std::index_sequence<I...>) {
        const LaneArgs in = args;
        const Outputs out{in.out_low, in.out_high, in.mask};
        for (unsigned lane = 0; lane < kLanes; lane++)
            store(out, lane, F(load<A>(in.low[I], in.high[I], lane)...));
    }

    static constexpr FpClass fp_class() {
        const Type types[] = {type_of<typename Result<R>::Value>(), type_of<A>()...};
        FpClass fp = FpClass::kNone;
        for (Type t : types) {
            if (t == Type::kF64 || t == Type::kF16) return FpClass::kDouble;
            if (t == Type::kF32) fp = FpClass::kSingle;
        }
        return fp;
    }
    static constexpr ValuOp describe(uint16_t opcode, const char* name, Kernel kernel) {
        ValuOp op;
        op.opcode = opcode;
        op.name = name;
        op.kernel = kernel;
        op.dst = type_of<typename Result<R>::Value>();
        op.mask_out = Result<R>::kMask;
        op.fp = fp_class();
        const Type types[] = {type_of<A>()..., Type::kNone};
        for (std::size_t i = 0; i < sizeof...(A); i++) op.src[i] = types[i];
        return op;
    }
};

}  // namespace valu_detail

template <auto F>
inline constexpr Kernel kernel_of = &valu_detail::Signature<decltype(+F)>::template run<F>;

/// A row of an instruction table: the lambda on every lane. It captures nothing, so that its type
/// is all of it.
template <class F>
constexpr ValuOp lanes(uint16_t opcode, const char* name, F) {
    return valu_detail::Signature<decltype(+F{})>::describe(opcode, name, kernel_of<F{}>);
}

/// A row for an instruction that is not lane by lane.
constexpr ValuOp whole_wave(uint16_t opcode, const char* name, Handler handler, Type src0,
                            Type src1 = Type::kNone) {
    ValuOp op;
    op.opcode = opcode;
    op.name = name;
    op.handler = handler;
    op.dst = Type::kB32;
    op.src[0] = src0;
    op.src[1] = src1;
    return op;
}

/// Handlers for instructions with a kernel; the decoder picks the plain one where there are no
/// modifiers and only dwords.
void execute_valu_plain(Wave& wave, const Instruction& in);
void execute_valu(Wave& wave, const Instruction& in);
void execute_valu_packed(Wave& wave, const Instruction& in);

/// Applies ABS, then NEG, to a row of the given type.
void apply_sign_modifiers(Row& row, Type type, bool abs, bool neg);

/// A DPP control applied to a row: fills `to`; returns the lanes that had a source lane.
uint64_t permute_dpp(const Row& from, uint16_t control, uint64_t exec, Row& to);

// The instruction tables, in parts by subject. Opcodes are those of the part's encoding.
using ValuTable = std::span<const ValuOp>;
ValuTable vop1_move_ops();
ValuTable vop1_convert_ops();
ValuTable vop1_math_ops();
ValuTable vop2_float_ops();
ValuTable vop2_integer_ops();
ValuTable vopc_ops();
ValuTable vopc_float_ops();
ValuTable vop3_integer_ops();
ValuTable vop3_float_ops();
ValuTable vop3_division_ops();
ValuTable vop3_misc_ops();
ValuTable vop3p_ops();

}  // namespace simgpu::gfx9
