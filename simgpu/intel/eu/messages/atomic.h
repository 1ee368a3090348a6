// Atomic operations on memory and SLM, which all data ports share.
#pragma once

#include <cstddef>
#include <cstdint>

namespace simgpu::intel::eu {

/// In the numbering of HDC messages (PRM volume 2d, "MDC_AOP"); LSC's are translated.
enum class AtomicOp : uint8_t {
    kAnd = 1,
    kOr,
    kXor,
    kMove,
    kIncrement,
    kDecrement,
    kAdd,
    kSubtract,
    kReverseSubtract,
    kMaxSigned,
    kMinSigned,
    kMaxUnsigned,
    kMinUnsigned,
    kCompareWrite,
    kPreDecrement,
    // Floats have a numbering of their own in messages.
    kFloatMax,
    kFloatMin,
    kFloatCompareWrite,
    kFloatAdd,
    kFloatSubtract,
    // LSC only.
    kLoad,
    kStore,
};

/// The operation of an LSC opcode from kFirstLscAtomic on, kLscAtomics of them.
inline constexpr unsigned kFirstLscAtomic = 8;
inline constexpr unsigned kLscAtomics = 19;
AtomicOp lsc_atomic_op(unsigned opcode);

/// Sources that the message has for it: 0, 1 or 2.
unsigned sources_of(AtomicOp op);

/// Changes the aligned number of `bytes` (2, 4 or 8) at `place` in one step. `compare` is what
/// COMPARE_WRITE compares with. The old value; PRE_DECREMENT: the new one.
uint64_t atomic_update(std::byte* place, unsigned bytes, AtomicOp op, uint64_t operand,
                       uint64_t compare);

}  // namespace simgpu::intel::eu
