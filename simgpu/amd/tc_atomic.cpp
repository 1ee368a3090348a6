#include "simgpu/amd/tc_atomic.h"

#include "simgpu/amd/integer_atomics.h"

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

template <typename T, typename A = amd::IntegerAtomics<T>>
constexpr Row<T> kOperations[] = {
    {7, A::swap},     {kCompareSwap, A::compare_swap},
    {15, A::add},     {16, A::sub},
    {17, A::smin},    {18, A::umin},
    {19, A::smax},    {20, A::umax},
    {21, A::bit_and}, {22, A::bit_or},
    {23, A::bit_xor}, {24, A::inc},
    {25, A::dec},
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
