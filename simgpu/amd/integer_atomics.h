// The integer atomic operations, which shaders (memory and LDS), CP and SDMA share (Vega ISA,
// "Memory atomic operations").
#pragma once

#include <algorithm>
#include <type_traits>

namespace simgpu::amd {

/// The value that each operation writes in place of `old`; `T` is uint32_t or uint64_t. `compare`
/// is for compare-and-swap only.
template <class T>
struct IntegerAtomics {
    using Signed = std::make_signed_t<T>;

    static constexpr T swap(T, T data, T) { return data; }
    static constexpr T compare_swap(T old, T data, T compare) {
        return old == compare ? data : old;
    }
    static constexpr T add(T old, T data, T) { return old + data; }
    static constexpr T sub(T old, T data, T) { return old - data; }
    static constexpr T smin(T old, T data, T) {
        return static_cast<T>(std::min(static_cast<Signed>(old), static_cast<Signed>(data)));
    }
    static constexpr T umin(T old, T data, T) { return std::min(old, data); }
    static constexpr T smax(T old, T data, T) {
        return static_cast<T>(std::max(static_cast<Signed>(old), static_cast<Signed>(data)));
    }
    static constexpr T umax(T old, T data, T) { return std::max(old, data); }
    static constexpr T bit_and(T old, T data, T) { return old & data; }
    static constexpr T bit_or(T old, T data, T) { return old | data; }
    static constexpr T bit_xor(T old, T data, T) { return old ^ data; }
    static constexpr T inc(T old, T data, T) { return old >= data ? T{0} : old + 1; }
    static constexpr T dec(T old, T data, T) { return old == 0 || old > data ? data : old - 1; }
};

}  // namespace simgpu::amd
