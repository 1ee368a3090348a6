#include "simgpu/engine/gpu_memory.h"

#include <algorithm>
#include <cstring>

namespace simgpu {

namespace {

/// Calls `visit(host, offset, bytes)` for each contiguous run behind [va, va + size).
template <typename Visit>
bool for_each_run(GpuMemory& memory, uint64_t va, uint64_t size, Access access, uint64_t* fault_va,
                  Visit visit) {
    for (uint64_t done = 0; done < size;) {
        const Span span = memory.resolve(va + done, access);
        if (!span.data || span.size == 0) {
            if (fault_va) *fault_va = va + done;
            return false;
        }
        const uint64_t bytes = std::min(span.size, size - done);
        visit(span.data, done, bytes);
        done += bytes;
    }
    return true;
}

}  // namespace

bool read_gpu(GpuMemory& memory, uint64_t va, void* to, uint64_t size, uint64_t* fault_va) {
    auto* destination = static_cast<std::byte*>(to);
    return for_each_run(memory, va, size, Access::kRead, fault_va,
                        [&](const std::byte* host, uint64_t offset, uint64_t bytes) {
                            std::memcpy(destination + offset, host, bytes);
                        });
}

bool write_gpu(GpuMemory& memory, uint64_t va, const void* from, uint64_t size,
               uint64_t* fault_va) {
    const auto* source = static_cast<const std::byte*>(from);
    return for_each_run(memory, va, size, Access::kWrite, fault_va,
                        [&](std::byte* host, uint64_t offset, uint64_t bytes) {
                            std::memcpy(host, source + offset, bytes);
                        });
}

}  // namespace simgpu
