// Arithmetic of one result a channel: moves, sums, products, rounding.
#include <cmath>

#include "simgpu/intel/eu/alu/alu.h"

namespace simgpu::intel::eu {

namespace {

template <class T>
using Unsigned = std::make_unsigned_t<T>;

// Integers wrap: computed as unsigned, narrowed afterwards.
constexpr auto kSum = [](auto a, auto b) {
    using T = decltype(a);
    return static_cast<T>(Unsigned<T>(a) + Unsigned<T>(b));
};
constexpr auto kProduct = [](auto a, auto b) {
    using T = decltype(a);
    return static_cast<T>(Unsigned<T>(a) * Unsigned<T>(b));
};
constexpr auto kSum3 = [](auto a, auto b, auto c) { return kSum(kSum(a, b), c); };

constexpr auto kAverage = [](auto a, auto b) {
    using T = decltype(a);
    // Without the sum's 33rd bit: half of both, and one more if a lowest bit is set.
    return static_cast<T>((a >> 1) + (b >> 1) + ((a | b) & 1));
};

float round_even(float a) {
    return __builtin_roundevenf(a);
}
double round_even(double a) {
    return __builtin_roundeven(a);
}

/// Fused, as the hardware's.
constexpr auto kFma = [](auto a, auto b, auto c) { return std::fma(b, c, a); };
constexpr auto kMultiplyAdd = [](auto a, auto b, auto c) { return kSum(a, kProduct(b, c)); };

template <auto F, size_t kSources>
constexpr AluOp floats(uint8_t opcode, const char* name) {
    return lanes<F, kSources, Lane::kF32, Lane::kF64>(opcode, name);
}

/// Four bytes of each source multiplied and summed (DP4A): signed if the source's type is.
template <class B, class C>
int32_t dot4(uint32_t b, uint32_t c) {
    int32_t sum = 0;
    for (unsigned i = 0; i < 4; i++)
        sum += static_cast<B>(b >> (8 * i)) * static_cast<C>(c >> (8 * i));
    return sum;
}

constexpr AluOp kArithmeticOps[] = {
    with_floats(integers<[](auto a) { return a; }, 1>(0x61, "mov"),
                floats<[](auto a) { return a; }, 1>(0x61, "mov")),
    with_floats(integers<kSum, 2>(0x40, "add", AluOp::kWraps),
                floats<[](auto a, auto b) { return a + b; }, 2>(0x40, "add")),
    with_floats(integers<kProduct, 2>(0x41, "mul", AluOp::kWraps),
                floats<[](auto a, auto b) { return a * b; }, 2>(0x41, "mul")),
    integers<kAverage, 2>(0x42, "avg"),
    floats<[](auto a) { return a - std::floor(a); }, 1>(0x43, "frc"),
    floats<[](auto a) { return std::ceil(a); }, 1>(0x44, "rndu"),
    floats<[](auto a) { return std::floor(a); }, 1>(0x45, "rndd"),
    floats<[](auto a) { return round_even(a); }, 1>(0x46, "rnde"),
    floats<[](auto a) { return std::trunc(a); }, 1>(0x47, "rndz"),
    integers<kSum3, 3>(0x52, "add3", AluOp::kWraps),
    lanes<[](auto a, auto b, auto c) {
        using T = decltype(a);
        const auto wide_b = static_cast<uint32_t>(b), wide_c = static_cast<uint32_t>(c);
        if constexpr (std::is_signed_v<T>)
            return static_cast<T>(static_cast<uint32_t>(a) +
                                  static_cast<uint32_t>(dot4<int8_t, int8_t>(wide_b, wide_c)));
        else
            return a + static_cast<uint32_t>(dot4<uint8_t, uint8_t>(wide_b, wide_c));
    },
          3, Lane::kU32, Lane::kI32>(0x58, "dp4a"),
    with_floats(integers<kMultiplyAdd, 3>(0x5b, "mad", AluOp::kWraps),
                floats<kFma, 3>(0x5b, "mad")),
};

}  // namespace

std::span<const AluOp> arithmetic_ops() {
    return kArithmeticOps;
}

}  // namespace simgpu::intel::eu
