// The effect of each atomic operation on a word (Vega ISA, "Memory atomic operations").
#include <type_traits>

#include "simgpu/amd/gfx9/memory/vmem.h"

namespace simgpu::gfx9 {

namespace {

template <class T>
using Signed = std::make_signed_t<T>;

template <class T>
constexpr bool less_signed(T a, T b) {
    return static_cast<Signed<T>>(a) < static_cast<Signed<T>>(b);
}

template <class T>
struct Functions {
    static T swap(T, T data, T) { return data; }
    static T compare_swap(T old, T data, T compare) { return old == compare ? data : old; }
    static T add(T old, T data, T) { return old + data; }
    static T sub(T old, T data, T) { return old - data; }
    static T smin(T old, T data, T) { return less_signed(data, old) ? data : old; }
    static T umin(T old, T data, T) { return data < old ? data : old; }
    static T smax(T old, T data, T) { return less_signed(old, data) ? data : old; }
    static T umax(T old, T data, T) { return data > old ? data : old; }
    static T bit_and(T old, T data, T) { return old & data; }
    static T bit_or(T old, T data, T) { return old | data; }
    static T bit_xor(T old, T data, T) { return old ^ data; }
    static T inc(T old, T data, T) { return old >= data ? T{0} : old + 1; }
    static T dec(T old, T data, T) { return old == 0 || old > data ? data : old - 1; }
};

}  // namespace

using F32 = Functions<uint32_t>;
using F64 = Functions<uint64_t>;

const AtomicFunction<uint32_t> kAtomics32[kAtomicFunctions] = {
    F32::swap, F32::compare_swap, F32::add,    F32::sub,     F32::smin, F32::umin, F32::smax,
    F32::umax, F32::bit_and,      F32::bit_or, F32::bit_xor, F32::inc,  F32::dec};
const AtomicFunction<uint64_t> kAtomics64[kAtomicFunctions] = {
    F64::swap, F64::compare_swap, F64::add,    F64::sub,     F64::smin, F64::umin, F64::smax,
    F64::umax, F64::bit_and,      F64::bit_or, F64::bit_xor, F64::inc,  F64::dec};

}  // namespace simgpu::gfx9
