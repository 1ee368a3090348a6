// Scalar instructions as tables of lambdas: the lambda's signature says how wide each operand is.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "simgpu/amd/gfx9/wave/wave.h"

namespace simgpu::gfx9 {

struct ScalarOp {
    uint16_t opcode = 0;
    const char* name = nullptr;
    Handler handler = nullptr;
    Type src[2] = {Type::kNone, Type::kNone};
};

namespace scalar_detail {

template <class T>
constexpr Type type_of() {
    return sizeof(T) == 8 ? Type::kB64 : Type::kB32;
}

template <class T>
T read(const Wave& wave, const Operand& operand) {
    return static_cast<T>(read_scalar64(wave, operand));
}

inline void write(Wave& wave, const Instruction& in, uint32_t value) {
    wave.s[in.dst] = value;
}
inline void write(Wave& wave, const Instruction& in, uint64_t value) {
    wave.set_s64(in.dst, value);
}

template <class F>
struct Signature;

template <class R, class... A>
struct Signature<R (*)(Wave&, A...)> {
    static_assert(sizeof...(A) <= 2);

    template <auto F>
    static void run(Wave& wave, const Instruction& in) {
        apply<F>(wave, in, std::index_sequence_for<A...>{});
    }
    template <auto F, std::size_t... I>
    static void apply(Wave& wave, const Instruction& in, std::index_sequence<I...>) {
        if constexpr (std::is_void_v<R>) {
            F(wave, read<A>(wave, in.src[I])...);
        } else {
            write(wave, in, std::make_unsigned_t<R>(F(wave, read<A>(wave, in.src[I])...)));
        }
    }
    static constexpr ScalarOp describe(uint16_t opcode, const char* name, Handler handler) {
        ScalarOp op{opcode, name, handler, {}};
        const Type types[] = {type_of<A>()..., Type::kNone};
        for (std::size_t i = 0; i < sizeof...(A); i++) op.src[i] = types[i];
        return op;
    }
};

}  // namespace scalar_detail

/// The result of most operations on bits: SCC is set if it is not 0.
template <class T>
T set_scc_nonzero(Wave& wave, T value) {
    wave.scc = value != 0;
    return value;
}

/// A row whose operands and result are read and written as the lambda `F(Wave&, a[, b])` says. It
/// captures nothing, so that its type is all of it.
template <class F>
constexpr ScalarOp scalar(uint16_t opcode, const char* name, F) {
    using S = scalar_detail::Signature<decltype(+F{})>;
    return S::describe(opcode, name, &S::template run<F{}>);
}

/// A row that needs the instruction itself (immediates, branches).
constexpr ScalarOp scalar_raw(uint16_t opcode, const char* name, Handler handler,
                              Type src0 = Type::kNone) {
    return {opcode, name, handler, {src0, Type::kNone}};
}

std::span<const ScalarOp> sop1_ops();
std::span<const ScalarOp> sop2_ops();
std::span<const ScalarOp> sopk_ops();
std::span<const ScalarOp> sopc_ops();
std::span<const ScalarOp> sopp_ops();

}  // namespace simgpu::gfx9
