#include "simgpu/amd/tc_atomic.h"

#include <algorithm>
#include <type_traits>

namespace simgpu {

namespace {

// TC_OP_ATOMIC_* (the GFX9 enumeration headers): bits 0..4 name the operation, bit 5 selects 64
// bits, bit 6 drops the returned value (which costs nothing to compute here).
constexpr uint32_t kOperationMask = 0x1f;
constexpr uint32_t kWide = 0x20;
constexpr uint32_t kCompareSwap = 8;

template <typename T>
using Operation = T (*)(T old, T source, T compare);

template <typename T>
struct Row {
    uint32_t operation;
    Operation<T> apply;
};

template <typename T>
using Signed = std::make_signed_t<T>;

template <typename T>
constexpr Row<T> kOperations[] = {
    {7, [](T, T source, T) { return source; }},  // SWAP
    {kCompareSwap, [](T old, T source, T compare) { return old == compare ? source : old; }},
    {15, [](T old, T source, T) { return static_cast<T>(old + source); }},  // ADD
    {16, [](T old, T source, T) { return static_cast<T>(old - source); }},  // SUB
    {17,
     [](T old, T source, T) {
         return static_cast<T>(
             std::min(static_cast<Signed<T>>(old), static_cast<Signed<T>>(source)));
     }},                                                             // SMIN
    {18, [](T old, T source, T) { return std::min(old, source); }},  // UMIN
    {19,
     [](T old, T source, T) {
         return static_cast<T>(
             std::max(static_cast<Signed<T>>(old), static_cast<Signed<T>>(source)));
     }},                                                             // SMAX
    {20, [](T old, T source, T) { return std::max(old, source); }},  // UMAX
    {21, [](T old, T source, T) { return old & source; }},
    {22, [](T old, T source, T) { return old | source; }},
    {23, [](T old, T source, T) { return old ^ source; }},
    {24, [](T old, T source, T) { return old >= source ? T{0} : static_cast<T>(old + 1); }},  // INC
    {25, [](T old, T source,
            T) { return old == 0 || old > source ? source : static_cast<T>(old - 1); }},  // DEC
};

template <typename T>
Operation<T> find(uint32_t operation) {
    for (const auto& row : kOperations<T>)
        if (row.operation == (operation & kOperationMask)) return row.apply;
    return nullptr;
}

template <typename T>
std::optional<uint64_t> run(JobRun& job, const TcAtomic& atomic) {
    const Operation<T> apply = find<T>(atomic.operation);
    if (!apply) return uint64_t{0};
    const T source = static_cast<T>(atomic.source);
    const T compare = static_cast<T>(atomic.compare);
    const bool waits = atomic.until_equal && (atomic.operation & kOperationMask) == kCompareSwap;
    std::optional<T> old;
    job.wait("ATOMIC_MEM loop", [&] {
        old = job.modify<T>(atomic.va & ~uint64_t{sizeof(T) - 1},
                            [&](T value) { return apply(value, source, compare); });
        if (!old) return Probe::kFailed;
        return !waits || *old == compare ? Probe::kSatisfied : Probe::kPending;
    });
    // A wait that was cut short has a last value, but its job has ended.
    if (!old || !job.outcome().done()) return std::nullopt;
    return *old;
}

}  // namespace

bool tc_atomic_known(uint32_t operation) {
    return find<uint32_t>(operation) != nullptr;
}

std::optional<uint64_t> run_tc_atomic(JobRun& job, const TcAtomic& atomic) {
    return atomic.operation & kWide ? run<uint64_t>(job, atomic) : run<uint32_t>(job, atomic);
}

}  // namespace simgpu
