// How EU threads reach memory: GPU addresses through a small cache of resolved spans.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "simgpu/engine/gpu_memory.h"

namespace simgpu::intel::eu {

/// One walker's view of memory. Aligned accesses of up to 8 bytes are single atomic ones, so other
/// engines and the CPU may use the same memory at the same time. The first fault is kept; accesses
/// after it still return, and the thread's loop ends the job.
class EuMemory {
  public:
    explicit EuMemory(GpuMemory& memory) : memory_(memory) {}

    /// Host memory behind all of [va, va + size), or null: it faults or crosses into a mapping that
    /// lies elsewhere on the host. Reports nothing.
    std::byte* contiguous(uint64_t va, uint64_t size, Access access) {
        va &= kAddressMask;
        for (const CachedSpan& span : spans_[access == Access::kWrite])
            if (va >= span.begin && va < span.end && size <= span.end - va)
                return span.data + (va - span.begin);
        return resolve(va, size, access);
    }

    /// False on a fault; what could not be read is zero.
    bool read(uint64_t va, void* to, uint64_t size);
    bool write(uint64_t va, const void* from, uint64_t size);
    /// The host's place of an aligned number of `size` bytes, for an atomic operation. Null on a
    /// fault.
    std::byte* atomic_place(uint64_t va, unsigned size);

    bool faulted() const { return faulted_; }
    uint64_t fault_va() const { return fault_va_; }
    Access fault_access() const { return fault_access_; }

    /// 48 bits are translated; the rest only extends the sign.
    static constexpr uint64_t kAddressMask = (uint64_t{1} << 48) - 1;

  private:
    struct CachedSpan {
        uint64_t begin = 0;
        uint64_t end = 0;
        std::byte* data = nullptr;
    };
    static constexpr unsigned kCachedSpans = 4;

    std::byte* resolve(uint64_t va, uint64_t size, Access access);
    bool fault(uint64_t va, Access access);

    GpuMemory& memory_;
    std::array<CachedSpan, kCachedSpans> spans_[2];  // for reads, for writes
    unsigned next_[2] = {};
    bool faulted_ = false;
    uint64_t fault_va_ = 0;
    Access fault_access_ = Access::kRead;
};

/// Moves `size` bytes in the largest aligned pieces, each in one access that no other thread sees
/// half done.
void copy_from_shared(const std::byte* shared, void* to, uint64_t size);
void copy_to_shared(std::byte* shared, const void* from, uint64_t size);

}  // namespace simgpu::intel::eu
