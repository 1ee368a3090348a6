#include <algorithm>
#include <cstring>
#include <thread>

#include "guest-mesa/layer/amdgpu/driver.h"
#include "guest-mesa/layer/blob_granule.h"
#include "guest-mesa/layer/clock.h"
#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/fence_waits.h"
#include "wire/amdgpu_capset.h"

namespace viaduct::guest::amdgpu {

namespace {

/// With less than this left in a heap, memory is short.
constexpr uint64_t kScarceBytes = 16 << 20;

/// The domains that every kernel knows. Doorbells and MMIO pages, which are the device's own
/// registers, are left out; newer headers have them in AMDGPU_GEM_DOMAIN_MASK. Hosts may refuse
/// GDS, GWS and OA.
constexpr uint64_t kCreatableDomains = AMDGPU_GEM_DOMAIN_CPU | AMDGPU_GEM_DOMAIN_GTT |
                                       AMDGPU_GEM_DOMAIN_VRAM | AMDGPU_GEM_DOMAIN_GDS |
                                       AMDGPU_GEM_DOMAIN_GWS | AMDGPU_GEM_DOMAIN_OA;

/// Which blob flags a buffer gets.
///
/// MAPPABLE takes room in the host-visible window for as long as the buffer lives, so buffers that
/// the driver promises never to touch with the CPU go without.
///
/// SHAREABLE has to be said now, but the drivers know only later: for their kernel every buffer can
/// be exported, except those created VM_ALWAYS_VALID. That is the promise used here. It costs the
/// monitor one descriptor per shareable buffer, and radeonsi asks for VM_ALWAYS_VALID on few
/// GPUs (mesa: amdgpu_winsys.c): nearly all its buffers have one, though it takes small ones out of
/// few large ones. Saying it later would do for other contexts, where the host exports what they
/// attach. It does not for a buffer that becomes a scanout: QEMU takes its descriptor when the blob
/// is created, and nothing in GEM_CREATE marks such buffers.
uint32_t blob_flags(uint64_t domains, uint64_t flags) {
    uint32_t result = 0;
    if ((domains & kMappableDomains) && !(flags & AMDGPU_GEM_CREATE_NO_CPU_ACCESS))
        result |= virtgpu::kBlobMappable;
    if ((domains & kMappableDomains) && !(flags & AMDGPU_GEM_CREATE_VM_ALWAYS_VALID))
        result |= virtgpu::kBlobShareable;
    return result;
}

/// A reset takes a GPU's contexts, not its memory: drivers do not expect to get none afterwards,
/// nor that a mapping fails. What stands in when the host is lost is the guest's own, and no GPU
/// sees it: submissions fail from now on. `blob.size` is set.
int create_in_guest(const Channel& channel, virtgpu::ResourceCreateBlob& blob) {
    virtgpu::ResourceCreateBlob own{};
    own.blob_mem = virtgpu::BlobMem::kGuest;
    own.blob_flags = virtgpu::kBlobMappable;
    own.size = blob.size;
    blob = own;
    return channel.ioctl(kVirtgpuCreateBlob, &blob);
}

void close_handle(const Channel& channel, GemHandle handle) {
    drm_gem_close close{handle.value(), 0};
    channel.ioctl(DRM_IOCTL_GEM_CLOSE, &close);
}

}  // namespace

int Driver::gem_create(const Channel& channel, drm_amdgpu_gem_create& arg) {
    const drm_amdgpu_gem_create_in in = arg.in;
    IoctlNotes::add("size={:#x} domains={:#x} flags={:#x}", uint64_t{in.bo_size},
                    uint64_t{in.domains}, uint64_t{in.domain_flags});
    const uint64_t size = round_up_to(blob_granule_, in.bo_size);
    if (size == 0 || (in.domains & ~uint64_t{kCreatableDomains})) return -EINVAL;

    virtgpu::ResourceCreateBlob blob{};
    blob.size = size;
    int error = create_on_host(channel, in, blob);
    if (error < 0 && stream().lost()) error = create_in_guest(channel, blob);
    if (error < 0) return error;

    const GemHandle handle(blob.bo_handle);
    const bool always_valid = in.domain_flags & AMDGPU_GEM_CREATE_VM_ALWAYS_VALID;
    session_.gems.insert(handle, {ResourceId(blob.res_handle), size, false, always_valid});
    {
        const LockGuard lock(mutex_);
        if (always_valid && !host_keeps_valid(in.domain_flags)) always_listed_.insert(handle);
        if (blob.blob_mem == virtgpu::BlobMem::kGuest) stand_ins_.emplace(handle, handle);
    }
    arg = {};
    arg.out.handle = handle.value();
    IoctlNotes::add("handle={} resource={}", handle, blob.res_handle);
    return 0;
}

/// A host that has to export a buffer to map it cannot map one that is always valid.
bool Driver::host_keeps_valid(uint64_t flags) const {
    const auto capset = session_.capset.member<viaduct::wire::amdgpu::Capset>();
    return (capset.flags & 1) || (flags & AMDGPU_GEM_CREATE_NO_CPU_ACCESS);
}

/// Sets `blob.size`. On an error, which goes to the driver, no buffer is left behind.
int Driver::create_on_host(const Channel& channel, const drm_amdgpu_gem_create_in& in,
                           virtgpu::ResourceCreateBlob& blob) {
    const uint32_t errors_before = reported_errors();
    int error = create_once(channel, in, blob);
    // Buffers leave the window when the host has answered, and a blob that finds it full has waited
    // for that.
    if (error == -ENOSPC) error = create_once(channel, in, blob);
    if (error == 0 || stream().lost()) return error;
    if (reported_errors() != errors_before) forgiven_errors_.fetch_add(1);
    // On ENOMEM drivers free their caches and try another heap.
    return error == -ENOSPC ? -ENOMEM : error;
}

int Driver::create_once(const Channel& channel, const drm_amdgpu_gem_create_in& in,
                        virtgpu::ResourceCreateBlob& blob) {
    uint64_t flags = in.domain_flags;
    if (!host_keeps_valid(flags)) flags &= ~uint64_t{AMDGPU_GEM_CREATE_VM_ALWAYS_VALID};
    auto request = make_request<wire::GemNewRequest>(wire::Command::kGemNew);
    request.blob_id = next_blob_id_.fetch_add(1, std::memory_order_relaxed);
    // The host, whose pages are of 4 KiB, gives no blob beyond the end of its object.
    request.alloc_size = in.domains & kMappableDomains ? blob.size : in.bo_size;
    request.phys_alignment = in.alignment;
    request.preferred_heap = static_cast<uint32_t>(in.domains);
    request.flags = flags;
    blob.blob_mem = virtgpu::BlobMem::kHost3d;
    blob.blob_flags = blob_flags(in.domains, in.domain_flags);
    blob.blob_id = request.blob_id;
    bool confirmed = false;
    if (const int error = stream().create_blob(channel, as_bytes(request), blob, confirmed);
        error < 0 || confirmed)
        return error;
    // Drivers answer -ENOMEM by freeing caches and trying elsewhere, which they cannot do when the
    // news comes later: radv takes a submission that fails for a lost device, whatever the errno.
    const int error = check_allocation(channel, ResourceId(blob.res_handle));
    if (error < 0) close_handle(channel, GemHandle(blob.bo_handle));
    return error;
}

/// True if a heap that the buffer may go to is as good as full, as of the host's last word.
bool Driver::memory_is_short(uint64_t domains, uint64_t size) const {
    struct Heap {
        uint64_t domain;
        size_t offset;
    };
    constexpr Heap kHeaps[] = {{AMDGPU_GEM_DOMAIN_GTT, offsetof(wire::Shmem, gtt)},
                               {AMDGPU_GEM_DOMAIN_VRAM, offsetof(wire::Shmem, vram)}};
    for (const Heap& heap : kHeaps) {
        if (!(domains & heap.domain)) continue;
        const auto at = static_cast<uint32_t>(heap.offset);
        const uint64_t total =
            stream().shmem_u64(at + static_cast<uint32_t>(offsetof(wire::HeapInfo, heap_size)));
        const uint64_t used =
            stream().shmem_u64(at + static_cast<uint32_t>(offsetof(wire::HeapInfo, heap_usage)));
        if (total && used + size + kScarceBytes > total) return true;
    }
    return false;
}

/// Asks the host whether it has `resource`.
int Driver::check_allocation(const Channel& channel, ResourceId resource) {
    auto request = make_request<wire::BoQueryInfoRequest>(wire::Command::kBoQueryInfo);
    request.res_id = resource.value();
    wire::BoQueryInfoResponse answer{};
    if (const int error = stream().call(channel, {as_bytes(request), as_bytes(answer)}); error < 0)
        return error;
    return answer.base.ret == 0 ? 0 : -ENOMEM;
}

int Driver::gem_mmap(const Channel& channel, drm_amdgpu_gem_mmap& arg) {
    // The offset is the node's own, so that mmap() needs no interposer.
    GemHandle handle(arg.in.handle);
    IoctlNotes::add("handle={}", handle);
    if (stream().lost())
        if (const int error = find_stand_in(channel, handle); error < 0) return error;
    virtgpu::Map map{0, handle.value(), 0};
    const int result = channel.ioctl(kVirtgpuMap, &map);
    if (result < 0) return result;
    arg.out.addr_ptr = map.offset;
    IoctlNotes::add("offset={:#x}", map.offset);
    return 0;
}

/// The host may not have had the time to make the buffer: its mapping would fail. What others can
/// reach is there, and its contents are theirs, too.
int Driver::find_stand_in(const Channel& channel, GemHandle& handle) {
    const auto object = session_.gems.find(channel, handle);
    if (!object) return -ENOENT;
    if (object->shared) return 0;
    const LockGuard lock(mutex_);
    if (const auto found = stand_ins_.find(handle); found != stand_ins_.end()) {
        handle = found->second;
        return 0;
    }
    virtgpu::ResourceCreateBlob blob{};
    blob.size = object->size;
    if (const int error = create_in_guest(channel, blob); error < 0) return error;
    const GemHandle own(blob.bo_handle);
    stand_ins_.emplace(handle, own);
    handle = own;
    return 0;
}

int Driver::query_buffer(const Channel& channel, GemHandle handle,
                         wire::BoQueryInfoResponse& answer) {
    const auto object = session_.gems.find(channel, handle);
    if (!object) return -ENOENT;
    auto request = make_request<wire::BoQueryInfoRequest>(wire::Command::kBoQueryInfo);
    request.res_id = object->resource.value();
    if (const int error = stream().call(channel, {as_bytes(request), as_bytes(answer)}); error < 0)
        return error;
    return error_of(answer.base.ret);
}

int Driver::gem_op(const Channel& channel, drm_amdgpu_gem_op& arg) {
    IoctlNotes::add("handle={} op={}", uint32_t{arg.handle}, uint32_t{arg.op});
    // SET_PLACEMENT has no command; drivers take the refusal as "it stays where it is".
    if (arg.op == AMDGPU_GEM_OP_SET_PLACEMENT) return -EPERM;
    if (arg.op != AMDGPU_GEM_OP_GET_GEM_CREATE_INFO) return -EINVAL;
    wire::BoQueryInfoResponse answer{};
    if (const int error = query_buffer(channel, GemHandle(arg.handle), answer); error < 0)
        return error;
    drm_amdgpu_gem_create_in info{};
    info.bo_size = answer.alloc_size;
    info.alignment = answer.phys_alignment;
    info.domains = answer.preferred_heap;
    info.domain_flags = answer.alloc_flags;
    if (!arg.value) return -EFAULT;
    std::memcpy(reinterpret_cast<void*>(static_cast<uintptr_t>(arg.value)), &info, sizeof(info));
    return 0;
}

int Driver::set_metadata(const Channel& channel, ResourceId resource,
                         const drm_amdgpu_gem_metadata& arg) {
    const uint32_t size = arg.data.data_size_bytes;
    if (size > wire::kMaxMetadata || size > sizeof(arg.data.data)) return -EINVAL;
    auto head = make_request<wire::SetMetadataRequest>(wire::Command::kSetMetadata);
    head.flags = arg.data.flags;
    head.tiling_info = arg.data.tiling_info;
    head.res_id = resource.value();
    head.size_metadata = size;
    head.hdr.len = (sizeof(head) + size + wire::kAlignment - 1) & ~(wire::kAlignment - 1);
    std::vector<std::byte> request(head.hdr.len);
    std::memcpy(request.data(), &head, sizeof(head));
    std::memcpy(request.data() + sizeof(head), arg.data.data, size);
    wire::Response answer{};
    if (const int error = stream().call(channel, {request, as_bytes(answer)}); error < 0)
        return error;
    return error_of(answer.ret);
}

int Driver::gem_metadata(const Channel& channel, drm_amdgpu_gem_metadata& arg) {
    IoctlNotes::add("handle={} op={}", uint32_t{arg.handle}, uint32_t{arg.op});
    if (arg.op == AMDGPU_GEM_METADATA_OP_SET_METADATA) {
        const auto object = session_.gems.find(channel, GemHandle(arg.handle));
        return object ? set_metadata(channel, object->resource, arg) : -ENOENT;
    }
    if (arg.op != AMDGPU_GEM_METADATA_OP_GET_METADATA) return -EINVAL;
    wire::BoQueryInfoResponse answer{};
    if (const int error = query_buffer(channel, GemHandle(arg.handle), answer); error < 0)
        return error;
    static_assert(sizeof(arg.data.data) == wire::kMaxMetadata);
    arg.data.flags = answer.metadata_flags;
    arg.data.tiling_info = answer.tiling_info;
    arg.data.data_size_bytes = std::min(answer.size_metadata, wire::kMaxMetadata);
    std::memcpy(arg.data.data, answer.umd_metadata, sizeof(arg.data.data));
    return 0;
}

int Driver::gem_wait_idle(const Channel& channel, drm_amdgpu_gem_wait_idle& arg) {
    const GemHandle handle(arg.in.handle);
    const auto deadline = static_cast<int64_t>(std::min<uint64_t>(arg.in.timeout, INT64_MAX));
    IoctlNotes::add("handle={} deadline={}", handle, deadline);
    const auto object = session_.gems.find(channel, handle);
    if (!object) return -ENOENT;
    arg = {};

    // This file's submissions with the buffer. One that is always valid may be used by any of them.
    std::vector<RingUse> uses = session_.gems.uses(handle);
    if (object->always_valid) {
        uses.clear();
        for (uint32_t number = 1; number <= numbering_.count(); ++number) {
            const RingIndex ring(number);
            Timeline& timeline = timeline_of(ring);
            const LockGuard lock(timeline.mutex);
            if (timeline.points) uses.push_back({ring, timeline.points});
        }
    }
    std::vector<uint32_t> handles;
    std::vector<uint64_t> points;
    for (const RingUse& use : uses) {
        handles.push_back(timeline_of(use.ring).syncobj);
        points.push_back(use.point);
    }
    if (!handles.empty()) {
        const int result = wait_for_points(channel, session_, handles, points, deadline,
                                           DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL);
        if (result == -ETIME) arg.out.status = 1;
        if (result < 0) return result == -ETIME ? 0 : result;
    }
    if (!object->shared) return 0;

    // The node tracks the use of others. A blocking wait there takes up to 15 s, whatever the
    // caller's timeout, so this polls.
    while (true) {
        virtgpu::Wait wait{handle.value(), virtgpu::kWaitNoWait};
        const int result = channel.ioctl(kVirtgpuWait, &wait);
        if (result != -EBUSY) return result;
        if (monotonic_now() >= deadline) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    arg.out.status = 1;
    return 0;
}

int Driver::gem_userptr(const Channel&, drm_amdgpu_gem_userptr& arg) {
    // The application's pages are the guest's, and its kernel makes no blob of them. EINVAL is what
    // a kernel answers for pages that cannot be pinned: drivers copy then (radeonsi), or report
    // that this memory cannot be imported (radv: VK_ERROR_INVALID_EXTERNAL_HANDLE).
    IoctlNotes::add("address={:#x} size={:#x}", uint64_t{arg.addr}, uint64_t{arg.size});
    return -EINVAL;
}

int Driver::vm(const Channel& channel, drm_amdgpu_vm& arg) {
    IoctlNotes::add("op={}", uint32_t{arg.in.op});
    if (arg.in.op != AMDGPU_VM_OP_RESERVE_VMID && arg.in.op != AMDGPU_VM_OP_UNRESERVE_VMID)
        return -EINVAL;
    auto request = make_request<wire::ReserveVmidRequest>(wire::Command::kReserveVmid);
    request.flags = arg.in.op == AMDGPU_VM_OP_UNRESERVE_VMID ? 1 : 0;
    wire::Response answer{};
    if (const int error = stream().call(channel, {as_bytes(request), as_bytes(answer)}); error < 0)
        return error;
    return error_of(answer.ret);
}

int Driver::prepare_export(const Channel& channel, GemHandle handle) {
    const auto object = session_.gems.find(channel, handle);
    if (!object) return -ENOENT;
    if (object->always_valid) return -EPERM;
    user_fences_.forget_buffer(handle);
    return 0;
}

void Driver::forget_buffer(const Channel& channel, GemHandle handle) {
    user_fences_.forget_buffer(handle);
    const LockGuard lock(mutex_);
    std::erase_if(missing_mappings_,
                  [&](const auto& each) { return each.second.handle == handle; });
    always_listed_.erase(handle);
    const auto stand_in = stand_ins_.extract(handle);
    if (stand_in && stand_in.mapped() != handle) close_handle(channel, stand_in.mapped());
}

}  // namespace viaduct::guest::amdgpu
