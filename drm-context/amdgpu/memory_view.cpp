#include "drm-context/amdgpu/memory_view.h"

#include <algorithm>

namespace viaduct::amdgpu {

namespace {

constexpr uint64_t kPage = 4096;

void set_size(drm_amdgpu_heap_info& heap, uint64_t most) {
    heap.total_heap_size = std::min<uint64_t>(heap.total_heap_size, most);
    heap.usable_heap_size = std::min<uint64_t>(heap.usable_heap_size, most);
    heap.max_allocation = std::min<uint64_t>(heap.max_allocation, most);
}

void set_usage(drm_amdgpu_heap_info& heap, uint64_t usage) {
    heap.heap_usage = std::min<uint64_t>(usage, heap.total_heap_size);
}

void limit_heaps(uint64_t limit, drm_amdgpu_memory_info& memory) {
    // Drivers need some of both kinds: three quarters are VRAM where the GPU has as much, the rest
    // is GTT. Where one of the kinds is smaller, the other one gets more.
    uint64_t vram = std::min<uint64_t>(memory.vram.total_heap_size, limit / 4 * 3 & ~(kPage - 1));
    const uint64_t gtt = std::min<uint64_t>(memory.gtt.total_heap_size, limit - vram);
    vram = std::min<uint64_t>(memory.vram.total_heap_size, limit - gtt);
    set_size(memory.vram, vram);
    set_size(memory.cpu_accessible_vram, vram);
    set_size(memory.gtt, gtt);
}

}  // namespace

void show_own_memory(const ContextAccount& account, drm_amdgpu_memory_info& memory) {
    const uint64_t limit = account.memory_limit() & ~(kPage - 1);
    if (limit != 0) limit_heaps(limit, memory);
    const MemoryUse use = account.memory_use();
    set_usage(memory.vram, use.local);
    set_usage(memory.cpu_accessible_vram, use.local);
    set_usage(memory.gtt, use.system);
}

}  // namespace viaduct::amdgpu
