// Renderer: resources in guest memory, and their dma-bufs.
#include <algorithm>

#include "renderer/renderer.h"

namespace viaduct {

namespace {

// The entries that hold the resource's bytes; the VMM may free the array as soon as it is detached.
std::vector<iovec> entries_of(const Resource& resource) {
    std::vector<iovec> entries;
    uint64_t left = resource.size;
    for (int i = 0; i < resource.num_iovecs && left > 0; ++i) {
        entries.push_back(resource.iovecs[i]);
        left -= std::min<uint64_t>(left, resource.iovecs[i].iov_len);
    }
    return entries;
}

}  // namespace

SharedFd Renderer::own_dmabuf(const ResourcePtr& resource) {
    if (resource->home == ResourceHome::kGuest) return guest_dmabuf(resource);
    return resource->fd_type == VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF ? resource->fd : nullptr;
}

// Made at the first request, so VMMs that never ask pin no pages. The kernel is asked without the
// lock: it may have to find memory for many pages.
SharedFd Renderer::guest_dmabuf(const ResourcePtr& resource) {
    uint64_t detached = 0;
    std::vector<iovec> entries;
    {
        const std::lock_guard lock(mutex_);
        if (!resource->iovecs) return nullptr;
        if (resource->guest_dmabuf.asked) return resource->guest_dmabuf.current();
        detached = resource->guest_dmabuf.detached;
        entries = entries_of(*resource);
    }
    auto made = make_guest_dmabuf(entries, resource->size);
    const std::lock_guard lock(mutex_);
    if (find_resource(resource->id) != resource || resource->guest_dmabuf.detached != detached)
        return nullptr;
    if (resource->guest_dmabuf.asked) return resource->guest_dmabuf.current();  // a faster thread's
    resource->guest_dmabuf.asked = true;
    if (made)
        resource->guest_dmabuf.fd = *std::move(made);
    else
        log_.log(LogLevel::kWarning, "guest_dmabuf",
                 "resource {} is guest memory without a dma-buf, so it cannot be shown without a "
                 "copy: {}",
                 resource->id, made.error().message);
    return resource->guest_dmabuf.fd;
}

Result<SharedFd> Renderer::make_guest_dmabuf(std::span<const iovec> entries, uint64_t size) {
    auto booking = usage_->take_descriptors(1);
    if (!booking) return tl::unexpected(booking.error());
    auto made = guest_dmabufs_.make(entries, size);
    if (!made) return tl::unexpected(made.error());
    return share(*std::move(made), *std::move(booking));
}

}  // namespace viaduct
