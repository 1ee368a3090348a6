#include "simgpu/amd/kernel/memory_stats.h"

#include <fmt/format.h>

#include "simgpu/amd/kernel/memory.h"

namespace simgpu::amdgpu {

namespace {

using Place = shared::Residence::Place;

/// Bytes.
struct MemoryStats {
    uint64_t vram = 0;
    uint64_t gtt = 0;
    uint64_t cpu = 0;
    uint64_t evicted_vram = 0;
    uint64_t requested_vram = 0;
    uint64_t requested_gtt = 0;
};

void add(MemoryStats& stats, const Buffer& buffer) {
    const uint64_t domains = record_of(buffer).domains, size = buffer.size();
    const shared::Residence* residence = buffer.residence();
    const Place place = residence ? residence->place() : Place::kNowhere;
    const bool gtt = place == Place::kSystem || (!residence && domains & AMDGPU_GEM_DOMAIN_GTT);
    if (place == Place::kVram)
        stats.vram += size;
    else if (gtt)
        stats.gtt += size;
    else
        stats.cpu += size;
    if (domains & AMDGPU_GEM_DOMAIN_VRAM) {
        stats.requested_vram += size;
        if (place != Place::kVram) stats.evicted_vram += size;
    } else if (domains & AMDGPU_GEM_DOMAIN_GTT) {
        stats.requested_gtt += size;
    }
}

}  // namespace

std::string memory_lines(drm::BufferTable& buffers, AddressSpace& space) {
    constexpr uint64_t kKiB = 1024;
    MemoryStats stats;
    for (const BufferPtr& buffer : buffers.all()) add(stats, *buffer);
    const uint64_t tables = space.page_table_bytes();
    stats.vram += tables;
    stats.requested_vram += tables;
    // The blank after two of the names is the kernel's.
    return fmt::format(
        "drm-memory-vram:\t{} KiB\ndrm-memory-gtt: \t{} KiB\ndrm-memory-cpu: \t{} KiB\n"
        "amd-evicted-vram:\t{} KiB\namd-requested-vram:\t{} KiB\namd-requested-gtt:\t{} KiB\n",
        stats.vram / kKiB, stats.gtt / kKiB, stats.cpu / kKiB, stats.evicted_vram / kKiB,
        stats.requested_vram / kKiB, stats.requested_gtt / kKiB);
}

}  // namespace simgpu::amdgpu
