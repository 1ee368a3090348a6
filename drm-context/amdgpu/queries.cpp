// QUERY_INFO, and the heap sizes in the control buffer.
#include <amdgpu_drm.h>

#include "drm-context/amdgpu/amdgpu_context.h"

namespace viaduct::amdgpu {

namespace w = wire::amdgpu;

Status AmdgpuContext::query_info(Request& request) {
    const auto query = request.as<w::QueryInfoRequest>();
    // The kernel writes behind our header, into private memory; the guest's pointer is not used.
    const auto answer = request.response().subspan(sizeof(w::Response));
    drm_amdgpu_info info{};
    info.return_pointer = reinterpret_cast<uint64_t>(answer.data());
    info.return_size = static_cast<uint32_t>(answer.size());
    info.query = query.query;
    static_assert(sizeof(info) == offsetof(drm_amdgpu_info, query_hw_ip) + sizeof(query.args));
    std::memcpy(&info.query_hw_ip, query.args, sizeof(query.args));
    // An absent IP or an unknown query is an ordinary answer, no error of the command.
    const int32_t ret = device().ioctl(DRM_IOCTL_AMDGPU_INFO, &info);
    request.respond(w::Response{{}, ret});
    return {};
}

void AmdgpuContext::refresh_heaps() {
    drm_amdgpu_memory_info memory{};
    if (query_kernel(device(), AMDGPU_INFO_MEMORY, &memory, sizeof(memory)) < 0) return;
    const auto store = [this](size_t offset, const drm_amdgpu_heap_info& heap) {
        const auto at = static_cast<uint32_t>(offset);
        control().store64(at + offsetof(w::HeapInfo, heap_size), heap.total_heap_size);
        control().store64(at + offsetof(w::HeapInfo, heap_usage), heap.heap_usage);
        control().store64(at + offsetof(w::HeapInfo, max_allocation), heap.max_allocation);
    };
    store(offsetof(w::Shmem, gtt), memory.gtt);
    store(offsetof(w::Shmem, vram), memory.vram);
    store(offsetof(w::Shmem, vis_vram), memory.cpu_accessible_vram);
}

}  // namespace viaduct::amdgpu
