// Memory as the simulated engines see it: by GPU virtual address.
#pragma once

#include <cstddef>
#include <cstdint>

namespace simgpu {

enum class Access { kRead, kWrite };

/// A run of host memory behind a GPU virtual address. `data` is null where nothing is mapped (or
/// the mapping forbids the access): a VM fault.
struct Span {
    std::byte* data = nullptr;
    uint64_t size = 0;  // contiguous bytes from the address asked for
};

/// One GPU address space, fixed for the length of a job. Implementations are safe to call from
/// the job's own thread only; spans stay valid until the job ends.
class GpuMemory {
  public:
    virtual ~GpuMemory() = default;
    /// Bits of `va` that the chip does not translate are ignored (GFX9: 48 to 63).
    virtual Span resolve(uint64_t va, Access access) = 0;
};

/// Copies between host memory and GPU addresses across mapping borders. False on a fault, with
/// the address in `*fault_va`.
bool read_gpu(GpuMemory& memory, uint64_t va, void* to, uint64_t size, uint64_t* fault_va);
bool write_gpu(GpuMemory& memory, uint64_t va, const void* from, uint64_t size, uint64_t* fault_va);

}  // namespace simgpu
