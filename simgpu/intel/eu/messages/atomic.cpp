#include "simgpu/intel/eu/messages/atomic.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <type_traits>

#include "simgpu/intel/eu/alu/half.h"

namespace simgpu::intel::eu {

namespace {

template <class T>
double to_double(T bits) {
    if constexpr (sizeof(T) == 2) return half_to_float(bits);
    if constexpr (sizeof(T) == 4) return std::bit_cast<float>(bits);
    if constexpr (sizeof(T) == 8) return std::bit_cast<double>(bits);
}
template <class T>
T from_double(double value) {
    if constexpr (sizeof(T) == 2) return double_to_half(value);
    if constexpr (sizeof(T) == 4) return std::bit_cast<T>(static_cast<float>(value));
    if constexpr (sizeof(T) == 8) return std::bit_cast<T>(value);
}

template <class T>
T float_result(AtomicOp op, T old, T operand, T compare) {
    const double a = to_double(old), b = to_double(operand);
    switch (op) {
        case AtomicOp::kFloatMax:
            return a > b || b != b ? old : operand;
        case AtomicOp::kFloatMin:
            return a < b || b != b ? old : operand;
        case AtomicOp::kFloatCompareWrite:
            return a == to_double(compare) ? operand : old;
        case AtomicOp::kFloatAdd:
            return from_double<T>(a + b);
        case AtomicOp::kFloatSubtract:
            return from_double<T>(a - b);
        default:
            return old;
    }
}

template <class T>
T result(AtomicOp op, T old, T operand, T compare) {
    using S = std::make_signed_t<T>;
    const auto so = static_cast<S>(old), sb = static_cast<S>(operand);
    switch (op) {
        case AtomicOp::kAnd:
            return static_cast<T>(old & operand);
        case AtomicOp::kOr:
            return static_cast<T>(old | operand);
        case AtomicOp::kXor:
            return static_cast<T>(old ^ operand);
        case AtomicOp::kMove:
        case AtomicOp::kStore:
            return operand;
        case AtomicOp::kIncrement:
            return static_cast<T>(old + 1);
        case AtomicOp::kDecrement:
        case AtomicOp::kPreDecrement:
            return static_cast<T>(old - 1);
        case AtomicOp::kAdd:
            return static_cast<T>(old + operand);
        case AtomicOp::kSubtract:
            return static_cast<T>(old - operand);
        case AtomicOp::kReverseSubtract:
            return static_cast<T>(operand - old);
        case AtomicOp::kMaxSigned:
            return static_cast<T>(std::max(so, sb));
        case AtomicOp::kMinSigned:
            return static_cast<T>(std::min(so, sb));
        case AtomicOp::kMaxUnsigned:
            return std::max(old, operand);
        case AtomicOp::kMinUnsigned:
            return std::min(old, operand);
        case AtomicOp::kCompareWrite:
            return old == compare ? operand : old;
        case AtomicOp::kLoad:
            return old;
        default:
            return float_result(op, old, operand, compare);
    }
}

template <class T>
uint64_t update(std::byte* place, AtomicOp op, uint64_t operand, uint64_t compare) {
    std::atomic_ref<T> word(*reinterpret_cast<T*>(place));
    T old = word.load(std::memory_order_relaxed);
    const auto next = [&] {
        return result<T>(op, old, static_cast<T>(operand), static_cast<T>(compare));
    };
    T wanted = next();
    while (!word.compare_exchange_weak(old, wanted, std::memory_order_acq_rel,
                                       std::memory_order_relaxed))
        wanted = next();
    return op == AtomicOp::kPreDecrement ? wanted : old;
}

}  // namespace

AtomicOp lsc_atomic_op(unsigned opcode) {
    static constexpr AtomicOp kOps[] = {
        AtomicOp::kIncrement,     AtomicOp::kDecrement,
        AtomicOp::kLoad,          AtomicOp::kStore,
        AtomicOp::kAdd,           AtomicOp::kSubtract,
        AtomicOp::kMinSigned,     AtomicOp::kMaxSigned,
        AtomicOp::kMinUnsigned,   AtomicOp::kMaxUnsigned,
        AtomicOp::kCompareWrite,  AtomicOp::kFloatAdd,
        AtomicOp::kFloatSubtract, AtomicOp::kFloatMin,
        AtomicOp::kFloatMax,      AtomicOp::kFloatCompareWrite,
        AtomicOp::kAnd,           AtomicOp::kOr,
        AtomicOp::kXor,
    };
    static_assert(std::size(kOps) == kLscAtomics);
    return kOps[opcode - kFirstLscAtomic];
}

unsigned sources_of(AtomicOp op) {
    switch (op) {
        case AtomicOp::kIncrement:
        case AtomicOp::kDecrement:
        case AtomicOp::kPreDecrement:
        case AtomicOp::kLoad:
            return 0;
        case AtomicOp::kCompareWrite:
        case AtomicOp::kFloatCompareWrite:
            return 2;
        default:
            return 1;
    }
}

uint64_t atomic_update(std::byte* place, unsigned bytes, AtomicOp op, uint64_t operand,
                       uint64_t compare) {
    switch (bytes) {
        case 2:
            return update<uint16_t>(place, op, operand, compare);
        case 4:
            return update<uint32_t>(place, op, operand, compare);
        default:
            return update<uint64_t>(place, op, operand, compare);
    }
}

}  // namespace simgpu::intel::eu
