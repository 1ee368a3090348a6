// The word that each atomic operation stores, by the operation's name.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <type_traits>

namespace simgpu::gfx9::test {

/// The memory before an atomic.
inline constexpr uint64_t kOldMemory = 0x1234'5678'9abc'def0;

template <class T>
using FloatOf = std::conditional_t<sizeof(T) == 8, double, float>;
template <class T>
FloatOf<T> number_of(T bits) {
    return std::bit_cast<FloatOf<T>>(bits);
}

/// `data` is the first data operand, `second` the next one where there are two.
template <class T>
using AtomicModel = T (*)(T old, T data, T second);

/// Operations of memory and LDS (Vega ISA, "Memory atomic operations" and "DS instructions"). The
/// signs of integers are in the names: smin, umin.
template <class T>
const std::map<std::string, AtomicModel<T>>& atomic_models() {
    using S = std::make_signed_t<T>;
    using F = FloatOf<T>;
    static const std::map<std::string, AtomicModel<T>> models = {
        {"swap", [](T, T data, T) { return data; }},
        {"cmpswap", [](T old, T data, T compare) { return old == compare ? data : old; }},
        {"cmpst", [](T old, T compare, T data) { return old == compare ? data : old; }},
        {"add", [](T old, T data, T) { return static_cast<T>(old + data); }},
        {"sub", [](T old, T data, T) { return static_cast<T>(old - data); }},
        {"rsub", [](T old, T data, T) { return static_cast<T>(data - old); }},
        {"smin", [](T old, T data, T) { return S(old) < S(data) ? old : data; }},
        {"smax", [](T old, T data, T) { return S(old) < S(data) ? data : old; }},
        {"umin", [](T old, T data, T) { return old < data ? old : data; }},
        {"umax", [](T old, T data, T) { return old < data ? data : old; }},
        {"and", [](T old, T data, T) { return static_cast<T>(~(~old | ~data)); }},
        {"or", [](T old, T data, T) { return static_cast<T>(~(~old & ~data)); }},
        {"xor", [](T old, T data, T) { return static_cast<T>((old | data) - (old & data)); }},
        // Count up to the limit and start again at 0; count down and start again at the limit.
        {"inc", [](T old, T limit, T) { return old < limit ? static_cast<T>(old + 1) : T{0}; }},
        {"dec", [](T old, T limit,
                   T) { return old > 0 && old <= limit ? static_cast<T>(old - 1) : limit; }},
        {"mskor",
         [](T old, T mask, T data) {
             return static_cast<T>((old & (std::numeric_limits<T>::max() ^ mask)) | data);
         }},
        {"wrap", [](T old, T limit,
                    T data) { return static_cast<T>(old < limit ? old + data : old - limit); }},
        {"fcmpst", [](T old, T compare,
                      T data) { return number_of(old) == number_of(compare) ? data : old; }},
        {"fmin", [](T old, T data, T) { return number_of(data) < number_of(old) ? data : old; }},
        {"fmax", [](T old, T data, T) { return number_of(data) > number_of(old) ? data : old; }},
        {"fadd",
         [](T old, T data, T) { return std::bit_cast<T>(F(number_of(old) + number_of(data))); }},
    };
    return models;
}

/// Eight integers and eight numbers, so that 64 lanes combine each with each.
inline constexpr unsigned kAtomicOperands = 8;
template <class T>
inline constexpr T kAtomicIntegers[kAtomicOperands] = {
    0,
    1,
    2,
    static_cast<T>(~T{0} >> 1),
    static_cast<T>((~T{0} >> 1) + 1),
    static_cast<T>(~T{0}),
    static_cast<T>(~T{0} - 1),
    static_cast<T>(0x8000'0001'0000'ff00),
};
/// No NaN and one zero only: what minimum and maximum make of these is not in the ISA document.
template <class T>
inline constexpr FloatOf<T> kAtomicFloats[kAtomicOperands] = {
    -std::numeric_limits<float>::infinity(), -0x1.8p100f, -1.5f, 0.0f, 0x1p-126f, 1.0f, 1.5f,
    std::numeric_limits<float>::infinity()};

/// The operand number `i` of the operation with this name.
template <class T>
T atomic_operand(const std::string& operation, unsigned i) {
    if (operation[0] == 'f') return std::bit_cast<T>(kAtomicFloats<T>[i % kAtomicOperands]);
    return kAtomicIntegers<T>[i % kAtomicOperands];
}

}  // namespace simgpu::gfx9::test
