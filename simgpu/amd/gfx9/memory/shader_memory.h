// How a shader reaches memory: GPU addresses through a small cache of resolved spans.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "simgpu/amd/gfx9/wave/wave.h"
#include "simgpu/engine/gpu_memory.h"

namespace simgpu::gfx9 {

/// One address per lane; those of inactive lanes are not looked at.
struct alignas(64) LaneAddresses {
    uint64_t lane[kLanes];
};

/// One dispatch's view of memory. Every access is at least dword-atomic when it is dword-aligned,
/// so other rings and the host may use the same memory at the same time. The first fault is kept;
/// accesses after it still return, the wave loop ends the job.
class ShaderMemory {
  public:
    explicit ShaderMemory(GpuMemory& memory) : memory_(memory) {}

    /// Host memory behind all of [va, va + size), or null: it faults or crosses into a mapping
    /// that lies elsewhere on the host. Reports nothing.
    std::byte* contiguous(uint64_t va, uint64_t size, Access access) {
        va &= kAddressMask;
        for (const CachedSpan& span : spans_[index_of(access)])
            if (va >= span.begin && va < span.end && size <= span.end - va)
                return span.data + (va - span.begin);
        return resolve(va, size, access);
    }

    /// Small accesses at any alignment. False on a fault.
    bool read(uint64_t va, void* to, uint64_t size);
    bool write(uint64_t va, const void* from, uint64_t size);

    /// Host word for an atomic operation, or null on a fault. Misaligned addresses are aligned
    /// down, as the hardware does.
    template <class T>
    T* atomic_word(uint64_t va) {
        va &= ~uint64_t{sizeof(T) - 1};
        std::byte* host = contiguous(va, sizeof(T), Access::kWrite);
        if (!host || reinterpret_cast<uintptr_t>(host) % sizeof(T)) {
            record_fault(va, Access::kWrite);
            return nullptr;
        }
        return reinterpret_cast<T*>(host);
    }

    /// Loads `count` dwords per active lane into out[0..count). Lanes out of `mask` are left
    /// as they were in `out`. False on a fault.
    bool load_dwords(const LaneAddresses& addresses, uint64_t mask, unsigned count, Row* out);
    bool store_dwords(const LaneAddresses& addresses, uint64_t mask, unsigned count,
                      const Row* from);

    /// Makes `size` bytes of a workgroup's LDS reachable at kLdsWindow, where flat accesses to the
    /// shared aperture are sent. The window is at the top of the address space, which the kernel
    /// driver keeps for itself.
    void set_lds_window(std::byte* lds, uint64_t size);
    static constexpr uint64_t kLdsWindow = (uint64_t{1} << 48) - 65536;

    void record_fault(uint64_t va, Access access);
    bool faulted() const { return faulted_; }
    uint64_t fault_va() const { return fault_va_; }
    Access fault_access() const { return fault_access_; }

    /// GFX9 addresses have 48 bits.
    static constexpr uint64_t kAddressMask = (uint64_t{1} << 48) - 1;

  private:
    struct CachedSpan {
        uint64_t begin = 0;
        uint64_t end = 0;
        std::byte* data = nullptr;
    };
    static constexpr unsigned kCachedSpans = 4;

    static unsigned index_of(Access access) { return access == Access::kWrite ? 1 : 0; }
    std::byte* resolve(uint64_t va, uint64_t size, Access access);
    std::byte* common_span(const LaneAddresses& addresses, uint64_t mask, uint64_t size,
                           Access access, uint64_t* base);

    GpuMemory& memory_;
    // The last one is the LDS window; the others hold what was resolved last.
    std::array<CachedSpan, kCachedSpans + 1> spans_[2];
    unsigned next_[2] = {};
    bool faulted_ = false;
    uint64_t fault_va_ = 0;
    Access fault_access_ = Access::kRead;
};

/// Dword accesses that no other thread sees half done. Acquire and release cost nothing on x86
/// and order a shader's flag and data as S_WAITCNT would.
inline uint32_t load_dword(const std::byte* host) {
    auto* word = reinterpret_cast<uint32_t*>(const_cast<std::byte*>(host));
    return std::atomic_ref<uint32_t>(*word).load(std::memory_order_acquire);
}
inline void store_dword(std::byte* host, uint32_t value) {
    std::atomic_ref<uint32_t>(*reinterpret_cast<uint32_t*>(host))
        .store(value, std::memory_order_release);
}

/// Replaces `*word` by `f(old)` atomically; returns old.
template <class T, class F>
T atomic_update(T* word, F&& f) {
    std::atomic_ref<T> ref(*word);
    T old = ref.load(std::memory_order_relaxed);
    while (!ref.compare_exchange_weak(old, f(old), std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
    }
    return old;
}

/// Ends the wave if its memory has faulted.
inline void check_fault(Wave& w) {
    if (w.memory->faulted()) w.status = Wave::Status::kFault;
}

}  // namespace simgpu::gfx9
