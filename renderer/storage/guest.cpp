#include "renderer/storage/guest.h"

#include <algorithm>

#include "blob/memfd.h"
#include "renderer/iov.h"

namespace viaduct {

// The entries that hold the resource's bytes; the VMM may free the array as soon as it is detached.
std::vector<iovec> GuestStorage::entries() const {
    std::vector<iovec> entries;
    uint64_t left = state_.size;
    for (int i = 0; i < attached_.count && left > 0; ++i) {
        entries.push_back(attached_.iovecs[i]);
        left -= std::min<uint64_t>(left, attached_.iovecs[i].iov_len);
    }
    return entries;
}

SharedFd GuestStorage::dmabuf() {
    auto dmabuf = obtain_dmabuf();
    if (dmabuf) return *std::move(dmabuf);
    services_.log.log(LogLevel::kWarning, "guest_dmabuf",
                      "resource {} is guest memory without a dma-buf, so it cannot be shown "
                      "without a copy: {}",
                      state_.id, dmabuf.error().message);
    return nullptr;
}

// Made at the first request, so VMMs that never ask pin no pages. The kernel is asked without the
// lock: it may have to find memory for many pages.
Result<SharedFd> GuestStorage::obtain_dmabuf() {
    uint64_t detached = 0;
    std::vector<iovec> entries;
    {
        const LockGuard lock(mutex_);
        if (!attached_.iovecs) return nullptr;
        if (dmabuf_.asked) return dmabuf_.current();
        detached = dmabuf_.detached;
        entries = this->entries();
    }
    auto made = make_dmabuf(entries);
    const LockGuard lock(mutex_);
    if (dmabuf_.detached != detached) return nullptr;
    if (dmabuf_.asked) return dmabuf_.current();  // a faster thread's
    dmabuf_.asked = true;
    if (!made) return tl::unexpected(made.error());
    dmabuf_.fd = *std::move(made);
    return dmabuf_.fd;
}

Status GuestStorage::set_dmabuf(int fd) {
    const auto size = object_size(fd);
    if (!size) return tl::unexpected(size.error());
    if (*size < state_.size)
        return fail(EINVAL, "its {} bytes are fewer than the resource's {}", *size, state_.size);
    auto booking = services_.usage.take_descriptors(1);
    if (!booking) return tl::unexpected(booking.error());
    const auto booked = std::make_shared<BookedFd>(*std::move(booking));
    const LockGuard lock(mutex_);
    if (!attached_.iovecs) return fail(EINVAL, "the resource has no memory");
    // Two dma-bufs of the same pages share no fences.
    if (dmabuf_.fd) return fail(EINVAL, "the resource has a dma-buf already");
    dmabuf_.asked = true;
    dmabuf_.fd = shared_fd(booked);
    // Nothing can fail from here on: the descriptor is ours.
    booked->fd.reset(fd);
    return {};
}

Result<SharedFd> GuestStorage::make_dmabuf(std::span<const iovec> entries) {
    auto booking = services_.usage.take_descriptors(1);
    if (!booking) return tl::unexpected(booking.error());
    auto made = services_.guest_dmabufs.make(entries, state_.size);
    if (!made) return tl::unexpected(made.error());
    return share(*std::move(made), *std::move(booking));
}

Result<MemoryView> GuestStorage::view() {
    const LockGuard lock(mutex_);
    MemoryView view;
    view.guest = entries();
    return view;
}

bool GuestStorage::read(std::span<std::byte> to) {
    const LockGuard lock(mutex_);
    if (!attached_.iovecs) return false;
    return IovecCursor({attached_.iovecs, static_cast<size_t>(attached_.count)}).read(to);
}

int GuestStorage::create_in(ClassicRenderer& classic) {
    virgl_renderer_resource_create_blob_args args{};
    {
        const LockGuard lock(mutex_);
        if (!attached_.iovecs) return -EINVAL;
        args.iovecs = attached_.iovecs;
        args.num_iovs = static_cast<uint32_t>(attached_.count);
    }
    args.res_handle = state_.id.value();
    args.blob_mem = VIRGL_RENDERER_BLOB_MEM_GUEST;
    args.blob_flags = state_.blob_flags;
    args.size = state_.size;
    return classic.create_blob(args);
}

}  // namespace viaduct
