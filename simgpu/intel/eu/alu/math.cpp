// The extended math unit. Results are those of correctly computed functions: within the error that
// the manual allows (PRM volume 7, "math": 1 to 4 units in the last place, absolute for sine and
// cosine), though not the hardware's bits.
#include <cmath>
#include <limits>

#include "simgpu/intel/eu/alu/operands.h"

namespace simgpu::intel::eu {

namespace {

float power(float base, float exponent) {
    return std::pow(std::fabs(base), exponent);
}

template <class T>
T quotient(T a, T b) {
    if (b == 0)
        return static_cast<T>(std::is_signed_v<T> && a < 0 ? std::numeric_limits<T>::min()
                                                           : std::numeric_limits<T>::max());
    if constexpr (std::is_signed_v<T>)
        if (b == -1) return static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(a));
    return a / b;
}
template <class T>
T remainder_of(T a, T b) {
    if (b == 0) return a;
    if constexpr (std::is_signed_v<T>)
        if (b == -1) return 0;
    return a % b;
}

template <auto F, size_t kSources>
constexpr Kernel single() {
    return alu_detail::kernels<F, kSources, Lane::kF32>()[index_of(Lane::kF32)];
}

struct MathFunction {
    const char* name = nullptr;
    uint8_t sources = 0;
    std::array<Kernel, kLaneKinds> kernels{};
};

template <auto F, size_t kSources>
constexpr MathFunction floats(const char* name) {
    return {name, kSources, alu_detail::kernels<F, kSources, Lane::kF32>()};
}
template <auto F>
constexpr MathFunction dwords(const char* name) {
    return {name, 2, alu_detail::kernels<F, 2, Lane::kU32, Lane::kI32>()};
}

// By the value of the function field. 11 (quotient and remainder in two registers) and the
// macro's 14 and 15 are not used by drivers for these chips.
constexpr MathFunction kFunctions[16] = {
    {},
    floats<[](float a) { return 1 / a; }, 1>("inv"),
    floats<[](float a) { return std::log2(a); }, 1>("log"),
    floats<[](float a) { return std::exp2(a); }, 1>("exp"),
    floats<[](float a) { return std::sqrt(a); }, 1>("sqrt"),
    floats<[](float a) { return static_cast<float>(1 / std::sqrt(double{a})); }, 1>("rsq"),
    floats<[](float a) { return std::sin(a); }, 1>("sin"),
    floats<[](float a) { return std::cos(a); }, 1>("cos"),
    {},
    floats<[](float a, float b) { return a / b; }, 2>("fdiv"),
    floats<[](float a, float b) { return power(a, b); }, 2>("pow"),
    {},
    dwords<[](auto a, auto b) { return quotient(a, b); }>("idiv"),
    dwords<[](auto a, auto b) { return remainder_of(a, b); }>("irem"),
    {},
    {},
};

void math(Thread& thread, const Instruction& in) {
    const MathFunction& function = kFunctions[in.function & 15];
    const Kernel kernel = function.kernels[index_of(in.lane)];
    if (!kernel) return thread.fail("a math function that is not simulated");
    Row spare[2], result;
    const std::byte* source[3] = {};
    for (unsigned i = 0; i < function.sources; i++)
        source[i] = read_source(thread, in, in.src[i], in.lane, false, spare[i]);
    kernel(result.bytes, source, lane_count(in));
    write_destination(thread, in, result.bytes, in.lane, enabled_channels(thread, in));
}

constexpr AluOp kMathOps[] = {special(0x38, "math", 2, math)};

}  // namespace

std::span<const AluOp> math_ops() {
    return kMathOps;
}

}  // namespace simgpu::intel::eu
