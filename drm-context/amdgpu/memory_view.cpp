#include "drm-context/amdgpu/memory_view.h"

#include <algorithm>

namespace viaduct::amdgpu {

namespace {

constexpr uint64_t kPage = 4096;

void set_heap(drm_amdgpu_heap_info& heap, uint64_t size, uint64_t usage) {
    heap.total_heap_size = size;
    heap.usable_heap_size = std::min<uint64_t>(heap.usable_heap_size, size);
    heap.max_allocation = std::min<uint64_t>(heap.max_allocation, size);
    heap.heap_usage = std::min(usage, size);
}

}  // namespace

void limit_memory(const ContextAccount& account, drm_amdgpu_memory_info& memory) {
    const uint64_t limit = account.memory_limit() & ~(kPage - 1);
    if (limit == 0) return;
    // Drivers need some of both kinds: three quarters are VRAM where the GPU has as much, the rest
    // is GTT. Where one of the kinds is smaller, the other one gets more.
    uint64_t vram = std::min<uint64_t>(memory.vram.total_heap_size, limit / 4 * 3 & ~(kPage - 1));
    const uint64_t gtt = std::min<uint64_t>(memory.gtt.total_heap_size, limit - vram);
    vram = std::min<uint64_t>(memory.vram.total_heap_size, limit - gtt);
    const uint64_t visible = std::min<uint64_t>(memory.cpu_accessible_vram.total_heap_size, vram);
    const MemoryUse use = account.memory_use();
    set_heap(memory.vram, vram, use.local);
    set_heap(memory.cpu_accessible_vram, visible, use.local);
    set_heap(memory.gtt, gtt, use.system);
}

}  // namespace viaduct::amdgpu
