#include <algorithm>
#include <limits>
#include <thread>

#include "guest-mesa/layer/blob_granule.h"
#include "guest-mesa/layer/clock.h"
#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/fence_waits.h"
#include "guest-mesa/layer/i915/driver.h"

namespace viaduct::guest::i915 {

namespace {

constexpr uint32_t kCreateExtSetPat = 2;
constexpr size_t kSetPatBytes = 40;  // struct drm_i915_gem_create_ext_set_pat
constexpr int kMostExtensions = 64;
constexpr uint32_t kMostRegions = 64;

void close_handle(const Channel& channel, GemHandle handle) {
    drm_gem_close close{handle.value(), 0};
    channel.ioctl(DRM_IOCTL_GEM_CLOSE, &close);
}

/// The chain at `first`, packed as the wire has it. 0 or a negative errno.
int pack_extensions(uint64_t first, LongRequest& to) {
    int left = kMostExtensions;
    for (uint64_t at = first; at != 0;) {
        if (left-- == 0) return -E2BIG;
        const auto* base = reinterpret_cast<const i915_user_extension*>(at);
        switch (base->name) {
            case I915_GEM_CREATE_EXT_MEMORY_REGIONS: {
                drm_i915_gem_create_ext_memory_regions extension{};
                std::memcpy(&extension, base, sizeof(extension));
                if (extension.num_regions > kMostRegions) return -EINVAL;
                if (extension.num_regions != 0 && extension.regions == 0) return -EFAULT;
                to.append(extension);
                to.append_bytes(reinterpret_cast<const void*>(extension.regions),
                                extension.num_regions * sizeof(drm_i915_gem_memory_class_instance));
                break;
            }
            case I915_GEM_CREATE_EXT_PROTECTED_CONTENT:
                to.append_bytes(base, sizeof(drm_i915_gem_create_ext_protected_content));
                break;
            case kCreateExtSetPat:
                to.append_bytes(base, kSetPatBytes);
                break;
            default:
                return -EINVAL;
        }
        at = base->next_extension;
    }
    return 0;
}

}  // namespace

/// Sends the request that makes the buffer. On ENOMEM drivers free their caches, so the buffer is
/// confirmed before they have it.
int Driver::create_blob(const Channel& channel, std::span<std::byte> request, uint32_t blob_id,
                        uint64_t size, GemHandle& handle) {
    virtgpu::ResourceCreateBlob blob{};
    blob.size = size;
    blob.blob_mem = virtgpu::BlobMem::kHost3d;
    // i915 has no buffers that cannot be mapped or exported; the drivers decide later.
    blob.blob_flags = virtgpu::kBlobMappable | virtgpu::kBlobShareable;
    blob.blob_id = blob_id;
    bool confirmed = false;
    int error = stream().create_blob(channel, request, blob, confirmed);
    if (error == -ENOSPC) return -ENOMEM;  // the host-visible window is full
    if (error < 0) return error;
    const GemHandle made(blob.bo_handle);
    if (!confirmed) error = check_allocation(channel, ResourceId(blob.res_handle));
    if (error < 0) {
        close_handle(channel, made);
        return error;
    }
    session_.gems.insert(made, {ResourceId(blob.res_handle), size, false, false});
    handle = made;
    IoctlNotes::add("handle={} resource={}", made, blob.res_handle);
    return 0;
}

int Driver::check_allocation(const Channel& channel, ResourceId resource) {
    auto request = make_request<wire::GemBusyRequest>(wire::Command::kGemBusy);
    request.res_id = resource.value();
    wire::GemBusyResponse answer{};
    if (const int error = stream().call(channel, {as_bytes(request), as_bytes(answer)}); error < 0)
        return error;
    return answer.ret == 0 ? 0 : -ENOMEM;
}

int Driver::gem_create(const Channel& channel, drm_i915_gem_create& arg) {
    const uint64_t size = round_up_to(blob_granule_, arg.size);
    if (size == 0) return -EINVAL;
    auto request = make_request<wire::GemCreateRequest>(wire::Command::kGemCreate);
    request.size = size;
    request.blob_id = next_blob_id_.fetch_add(1, std::memory_order_relaxed);
    IoctlNotes::add("size={:#x}", size);
    GemHandle handle;
    const int error = create_blob(channel, as_bytes(request), request.blob_id, size, handle);
    if (error < 0) return error;
    arg.handle = handle.value();
    arg.size = size;
    return 0;
}

int Driver::gem_create_ext(const Channel& channel, drm_i915_gem_create_ext& arg) {
    const uint64_t size = round_up_to(blob_granule_, arg.size);
    if (size == 0) return -EINVAL;
    auto head = make_request<wire::GemCreateExtRequest>(wire::Command::kGemCreateExt);
    head.size = size;
    head.blob_id = next_blob_id_.fetch_add(1, std::memory_order_relaxed);
    head.gem_flags = arg.flags;
    LongRequest request(head);
    if (const int error = pack_extensions(arg.extensions, request); error < 0) return error;
    head.ext_size = static_cast<uint32_t>(request.size() - sizeof(head));
    request.replace_head(head);
    IoctlNotes::add("size={:#x} flags={:#x}", size, uint32_t{arg.flags});
    GemHandle handle;
    const int error = create_blob(channel, request.finish(), head.blob_id, size, handle);
    if (error < 0) return error;
    arg.handle = handle.value();
    arg.size = size;
    return 0;
}

int Driver::gem_mmap_offset(const Channel& channel, drm_i915_gem_mmap_offset& arg) {
    if (arg.extensions != 0) return -EINVAL;
    // The offset is the node's own, so that mmap() need not be intercepted. How the pages are
    // cached was decided when the buffer was made.
    virtgpu::Map map{0, arg.handle, 0};
    const int result = channel.ioctl(kVirtgpuMap, &map);
    if (result < 0) return result;
    arg.offset = map.offset;
    IoctlNotes::add("handle={} flags={} offset={:#x}", uint32_t{arg.handle}, uint64_t{arg.flags},
                    map.offset);
    return 0;
}

template <typename Argument>
int Driver::pass_with_handle(const Channel& channel, uint32_t request, Argument& argument) {
    const GemHandle handle(argument.handle);
    const auto object = session_.gems.find(channel, handle);
    if (!object) return -ENOENT;
    argument.handle = object->resource.value();
    const int result = pass(channel, request, argument);
    argument.handle = handle.value();
    return result;
}

int Driver::gem_set_tiling(const Channel& channel, drm_i915_gem_set_tiling& arg) {
    return pass_with_handle(channel, DRM_IOCTL_I915_GEM_SET_TILING, arg);
}

int Driver::gem_get_tiling(const Channel& channel, drm_i915_gem_get_tiling& arg) {
    return pass_with_handle(channel, DRM_IOCTL_I915_GEM_GET_TILING, arg);
}

int Driver::gem_get_aperture(const Channel& channel, drm_i915_gem_get_aperture& arg) {
    return pass(channel, DRM_IOCTL_I915_GEM_GET_APERTURE, arg);
}

/// The host's memory is shared with the CPU coherently, so that nothing but waiting is left to do.
int Driver::gem_set_domain(const Channel& channel, drm_i915_gem_set_domain& arg) {
    if (!session_.gems.find(channel, GemHandle(arg.handle))) return -ENOENT;
    if (arg.read_domains == 0) return 0;
    return wait_idle(channel, GemHandle(arg.handle), std::numeric_limits<int64_t>::max());
}

/// Pages are not given back; the host's kernel may swap them out.
int Driver::gem_madvise(const Channel& channel, drm_i915_gem_madvise& arg) {
    if (arg.madv != I915_MADV_DONTNEED && arg.madv != I915_MADV_WILLNEED) return -EINVAL;
    if (!session_.gems.find(channel, GemHandle(arg.handle))) return -ENOENT;
    arg.retained = 1;
    return 0;
}

/// Waits for this file's submissions with the buffer, and for what the node has of others'. -ETIME.
int Driver::wait_idle(const Channel& channel, GemHandle handle, int64_t deadline) {
    const auto object = session_.gems.find(channel, handle);
    if (!object) return -ENOENT;
    std::vector<uint32_t> handles;
    std::vector<uint64_t> points;
    for (const RingUse& use : session_.gems.uses(handle)) {
        handles.push_back(timelines_[use.ring.value()].syncobj);
        points.push_back(use.point);
    }
    if (!handles.empty()) {
        const int result = wait_for_points(channel, session_, handles, points, deadline,
                                           DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL);
        if (result < 0) return result;
    }
    if (!object->shared) return 0;
    // A blocking wait of the node takes up to 15 s, whatever the caller's timeout, so this polls.
    while (true) {
        virtgpu::Wait wait{handle.value(), virtgpu::kWaitNoWait};
        const int result = channel.ioctl(kVirtgpuWait, &wait);
        if (result != -EBUSY) return result;
        if (monotonic_now() >= deadline) return -ETIME;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

int Driver::gem_busy(const Channel& channel, drm_i915_gem_busy& arg) {
    // Which engine it is on is more than anybody asks: busy for reading and writing on the first.
    constexpr uint32_t kBusy = 0x10001;
    const int result = wait_idle(channel, GemHandle(arg.handle), 0);
    if (result < 0 && result != -ETIME) return result;
    arg.busy = result == -ETIME ? kBusy : 0;
    return 0;
}

int Driver::gem_wait(const Channel& channel, drm_i915_gem_wait& arg) {
    if (arg.flags != 0) return -EINVAL;
    const int64_t start = monotonic_now();
    const bool endless = arg.timeout_ns < 0 || arg.timeout_ns > INT64_MAX - start;
    const int result =
        wait_idle(channel, GemHandle(arg.bo_handle), endless ? INT64_MAX : start + arg.timeout_ns);
    if (arg.timeout_ns > 0)
        arg.timeout_ns = std::max<int64_t>(arg.timeout_ns - (monotonic_now() - start), 0);
    return result;
}

int Driver::gem_userptr(const Channel&, drm_i915_gem_userptr& arg) {
    // The application's pages are the guest's, and its kernel makes no blob of them.
    IoctlNotes::add("address={:#x} size={:#x}", uint64_t{arg.user_ptr}, uint64_t{arg.user_size});
    return -ENODEV;
}

}  // namespace viaduct::guest::i915
