#include "display/wayland/shm_copies.h"

#include <drm_fourcc.h>

#include <algorithm>

#include "blob/memfd.h"

namespace viaduct::wayland {

namespace {

// wl_shm has a number of its own for this one.
uint32_t shm_format(uint32_t fourcc) {
    return fourcc == DRM_FORMAT_XRGB8888 ? uint32_t{WL_SHM_FORMAT_XRGB8888} : fourcc;
}

}  // namespace

const wl_buffer_listener ShmCopies::kListener = {
    .release =
        [](void* data, wl_buffer* handle) {
            auto& copies = *static_cast<ShmCopies*>(data);
            for (Copy& copy : copies.copies_)
                if (copy.handle.get() == handle) copy.busy = false;
            copies.released_();
        },
};

ShmCopies::Kind ShmCopies::kind_of(const Frame& frame) {
    return {frame.layout().width, frame.layout().height, frame.layout().fourcc};
}

ShmCopies::Copy* ShmCopies::free_copy() {
    const auto found = std::ranges::find(copies_, false, &Copy::busy);
    return found == copies_.end() ? nullptr : &*found;
}

bool ShmCopies::ready(const Frame& frame) {
    return kind_of(frame) != kind_ || free_copy();
}

// A buffer of an older kind that the compositor still reads may be destroyed: it keeps the memory.
Result<wl_buffer*> ShmCopies::copy(const Frame& frame) {
    if (kind_of(frame) != kind_) {
        for (Copy& copy : copies_) copy = {};
        kind_ = kind_of(frame);
    }
    Copy& copy = *free_copy();
    if (!copy.handle) {
        if (const auto status = make(copy); !status) return tl::unexpected(status.error());
        wl_buffer_add_listener(copy.handle.get(), &kListener, this);
    }
    if (const auto status = frame.read_rows(copy.memory.bytes()); !status)
        return tl::unexpected(status.error());
    copy.busy = true;
    return copy.handle.get();
}

Status ShmCopies::make(Copy& copy) const {
    const uint32_t row = kind_.width * bytes_per_pixel(kind_.fourcc);
    const uint64_t size = uint64_t{row} * kind_.height;
    if (size > INT32_MAX) return fail(EINVAL, "a picture of {} bytes is too large to copy", size);
    const auto fd = create_sealed_memfd("viaduct-picture", size);
    if (!fd) return tl::unexpected(fd.error());
    auto memory = Mapping::map_shared(fd->get(), 0, size);
    if (!memory) return tl::unexpected(memory.error());
    copy.memory = *std::move(memory);
    const ShmPool pool(wl_shm_create_pool(shm_, fd->get(), static_cast<int32_t>(size)));
    copy.handle.reset(wl_shm_pool_create_buffer(
        pool.get(), 0, static_cast<int32_t>(kind_.width), static_cast<int32_t>(kind_.height),
        static_cast<int32_t>(row), shm_format(kind_.fourcc)));
    return {};
}

}  // namespace viaduct::wayland
