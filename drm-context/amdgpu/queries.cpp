// QUERY_INFO, and the heap sizes in the control buffer.
#include <amdgpu_drm.h>

#include <algorithm>
#include <cstring>

#include "base/clock.h"
#include "drm-context/amdgpu/amdgpu_context.h"
#include "drm-context/amdgpu/memory_view.h"
#include "wire/amdgpu_info.h"

namespace viaduct::amdgpu {

namespace w = wire::amdgpu;

namespace {

// How long a refused buffer makes the heaps look full.
constexpr int64_t kRefusalNs = 1'000'000'000;

drm_amdgpu_info to_kernel(const w::QueryInfoRequest& query, void* to, uint32_t size) {
    drm_amdgpu_info info{};
    info.return_pointer = reinterpret_cast<uint64_t>(to);
    info.return_size = size;
    info.query = query.query;
    static_assert(sizeof(info) == offsetof(drm_amdgpu_info, query_hw_ip) + sizeof(query.args));
    std::memcpy(&info.query_hw_ip, query.args, sizeof(query.args));
    return info;
}

}  // namespace

// Queries whose answer depends on the budget, or would be about all users of the device: asked for
// in the kernel's full size, adjusted, and then cut to what the guest wants.
const AmdgpuContext::AdjustedQuery AmdgpuContext::kAdjustedQueries[] = {
    {AMDGPU_INFO_HW_IP_INFO, sizeof(drm_amdgpu_info_hw_ip), &AmdgpuContext::adjust_rings},
    {AMDGPU_INFO_MEMORY, sizeof(drm_amdgpu_memory_info), &AmdgpuContext::adjust_memory},
    {AMDGPU_INFO_VRAM_GTT, sizeof(drm_amdgpu_info_vram_gtt), &AmdgpuContext::adjust_sizes},
    {AMDGPU_INFO_VRAM_USAGE, sizeof(uint64_t), &AmdgpuContext::adjust_usage},
    {AMDGPU_INFO_VIS_VRAM_USAGE, sizeof(uint64_t), &AmdgpuContext::adjust_usage},
    {AMDGPU_INFO_GTT_USAGE, sizeof(uint64_t), &AmdgpuContext::adjust_usage},
    {AMDGPU_INFO_NUM_BYTES_MOVED, sizeof(uint64_t), &AmdgpuContext::adjust_counter},
    {AMDGPU_INFO_NUM_EVICTIONS, sizeof(uint64_t), &AmdgpuContext::adjust_counter},
    {AMDGPU_INFO_NUM_VRAM_CPU_PAGE_FAULTS, sizeof(uint64_t), &AmdgpuContext::adjust_counter},
};

Status AmdgpuContext::query_info(Request& request) {
    const auto query = request.as<w::QueryInfoRequest>();
    forget_old_refusal();
    // The kernel writes behind our header, into private memory; the guest's pointer is not used.
    const auto answer = request.response().subspan(sizeof(w::Response));
    const int32_t ret = answer_query(query, answer);
    w::hide_fields(query.query, answer);
    request.respond(w::Response{{}, ret});
    return {};
}

// 0 or a negative errno: an absent IP or an unknown query is an ordinary answer, no error of the
// command.
int32_t AmdgpuContext::answer_query(const w::QueryInfoRequest& query, std::span<std::byte> answer) {
    const bool sensors = account().limits().allows(DeviceWide::kSensors);
    if (w::is_hidden_query(query.query) || (query.query == AMDGPU_INFO_SENSOR && !sensors))
        return -EINVAL;
    for (const AdjustedQuery& row : kAdjustedQueries)
        if (row.query == query.query) return query_adjusted(row, query, answer);
    drm_amdgpu_info info = to_kernel(query, answer.data(), static_cast<uint32_t>(answer.size()));
    return device().ioctl(DRM_IOCTL_AMDGPU_INFO, &info);
}

int32_t AmdgpuContext::query_adjusted(const AdjustedQuery& row, const w::QueryInfoRequest& query,
                                      std::span<std::byte> answer) {
    if (answer.empty()) return -EINVAL;  // as the kernel
    KernelAnswer full{};
    static_assert(sizeof(full) >= sizeof(drm_amdgpu_memory_info));
    drm_amdgpu_info info = to_kernel(query, full.data(), row.size);
    const int32_t ret = device().ioctl(DRM_IOCTL_AMDGPU_INFO, &info);
    if (ret < 0) return ret;
    (this->*row.adjust)(query, full);
    std::memcpy(answer.data(), full.data(), std::min<size_t>(answer.size(), row.size));
    return ret;
}

template <typename T, typename Change>
void AmdgpuContext::change(KernelAnswer& answer, Change change) {
    T value;
    static_assert(sizeof(value) <= sizeof(KernelAnswer));
    std::memcpy(&value, answer.data(), sizeof(value));
    change(value);
    std::memcpy(answer.data(), &value, sizeof(value));
}

void AmdgpuContext::adjust_rings(const w::QueryInfoRequest& query, KernelAnswer& answer) {
    uint32_t ip_type = 0;  // the first word of query_hw_ip
    std::memcpy(&ip_type, query.args, sizeof(ip_type));
    change<drm_amdgpu_info_hw_ip>(answer, [&](drm_amdgpu_info_hw_ip& ip) {
        ip.available_rings = offered_rings(ip_type, ip.available_rings);
    });
}

void AmdgpuContext::adjust_memory(const w::QueryInfoRequest&, KernelAnswer& answer) {
    change<drm_amdgpu_memory_info>(
        answer, [&](drm_amdgpu_memory_info& memory) { show_own_memory(account(), memory); });
}

void AmdgpuContext::adjust_sizes(const w::QueryInfoRequest&, KernelAnswer& answer) {
    drm_amdgpu_memory_info memory{};
    if (!read_memory(memory)) return;
    change<drm_amdgpu_info_vram_gtt>(answer, [&](drm_amdgpu_info_vram_gtt& sizes) {
        const auto lower = [](auto& size, uint64_t to) { size = std::min<uint64_t>(size, to); };
        lower(sizes.vram_size, memory.vram.total_heap_size);
        lower(sizes.vram_cpu_accessible_size, memory.cpu_accessible_vram.total_heap_size);
        lower(sizes.gtt_size, memory.gtt.total_heap_size);
    });
}

void AmdgpuContext::adjust_usage(const w::QueryInfoRequest& query, KernelAnswer& answer) {
    drm_amdgpu_memory_info memory{};
    if (!read_memory(memory)) return;
    change<uint64_t>(answer, [&](uint64_t& usage) {
        usage = query.query == AMDGPU_INFO_GTT_USAGE    ? memory.gtt.heap_usage
                : query.query == AMDGPU_INFO_VRAM_USAGE ? memory.vram.heap_usage
                                                        : memory.cpu_accessible_vram.heap_usage;
    });
}

// The kernel counts what all users of the device caused, and nothing per file.
void AmdgpuContext::adjust_counter(const w::QueryInfoRequest&, KernelAnswer& answer) {
    answer.fill(std::byte{0});
}

bool AmdgpuContext::read_memory(drm_amdgpu_memory_info& memory) {
    if (query_kernel(device(), AMDGPU_INFO_MEMORY, &memory, sizeof(memory)) < 0) return false;
    show_own_memory(account(), memory);
    return true;
}

void AmdgpuContext::refresh_heaps() {
    drm_amdgpu_memory_info memory{};
    if (!read_memory(memory)) return;
    if (refused_bytes_ != 0 && monotonic_ns() >= refused_until_ns_) refused_bytes_ = 0;
    const bool full = refused_bytes_ != 0;
    const auto store = [this, full](size_t offset, const drm_amdgpu_heap_info& heap) {
        const auto at = static_cast<uint32_t>(offset);
        const uint64_t usage = full ? heap.total_heap_size : heap.heap_usage;
        control().store64(at + offsetof(w::HeapInfo, heap_size), heap.total_heap_size);
        control().store64(at + offsetof(w::HeapInfo, heap_usage), usage);
        control().store64(at + offsetof(w::HeapInfo, max_allocation), heap.max_allocation);
    };
    store(offsetof(w::Shmem, gtt), memory.gtt);
    store(offsetof(w::Shmem, vram), memory.vram);
    store(offsetof(w::Shmem, vis_vram), memory.cpu_accessible_vram);
}

/// The kernel had no memory for a buffer. The heaps look full in the control buffer then: guests
/// take care, and the layer confirms each buffer. Until the kernel has as much again, or for a
/// second: a guest that goes by the heaps never asks for as much again.
void AmdgpuContext::note_refused_buffer(const w::GemNewRequest& wanted) {
    if (wanted.alloc_size > largest_buffer(wanted.preferred_heap)) return;
    refused_bytes_ = refused_bytes_ == 0 ? wanted.alloc_size
                                         : std::min<uint64_t>(refused_bytes_, wanted.alloc_size);
    refused_until_ns_ = monotonic_ns() + kRefusalNs;
    if (control().exists()) refresh_heaps();
}

/// Bytes; 0 outside the heaps. Larger ones are refused with the same errno, however much memory is
/// free (amdgpu_object.c: amdgpu_bo_validate_size()).
uint64_t AmdgpuContext::largest_buffer(uint32_t domains) {
    drm_amdgpu_memory_info memory{};
    if (!read_memory(memory)) return 0;
    uint64_t largest = 0;
    if (domains & AMDGPU_GEM_DOMAIN_VRAM) largest = memory.vram.max_allocation;
    if (domains & AMDGPU_GEM_DOMAIN_GTT)
        largest = std::max<uint64_t>(largest, memory.gtt.max_allocation);
    return largest;
}

/// Costs nothing unless a refusal has just become too old.
void AmdgpuContext::forget_old_refusal() {
    if (refused_bytes_ != 0 && monotonic_ns() >= refused_until_ns_ && control().exists())
        refresh_heaps();
}

void AmdgpuContext::note_created_buffer(uint64_t bytes) {
    if (bytes >= refused_bytes_) refused_bytes_ = 0;
}

}  // namespace viaduct::amdgpu
