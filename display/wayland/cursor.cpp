#include "display/wayland/cursor.h"

#include <cstring>

#include "blob/mapping.h"
#include "blob/memfd.h"

namespace viaduct::wayland {

Status Cursor::set(const CursorImage& image) {
    const size_t size = image.pixels.size() * sizeof(uint32_t);
    const auto fd = create_sealed_memfd("viaduct-cursor", size);
    if (!fd) return tl::unexpected(fd.error());
    const auto memory = Mapping::map_shared(fd->get(), 0, size);
    if (!memory) return tl::unexpected(memory.error());
    std::memcpy(memory->data(), image.pixels.data(), size);
    const ShmPool pool(
        wl_shm_create_pool(globals_.shm.get(), fd->get(), static_cast<int32_t>(size)));
    const auto width = static_cast<int32_t>(image.width);
    const auto height = static_cast<int32_t>(image.height);
    buffers_[1] = std::move(buffers_[0]);
    buffers_[0].reset(
        wl_shm_pool_create_buffer(pool.get(), 0, width, height, width * 4, WL_SHM_FORMAT_ARGB8888));
    hot_x_ = image.hot_x;
    hot_y_ = image.hot_y;
    wl_surface_attach(surface_.get(), buffers_[0].get(), 0, 0);
    wl_surface_damage_buffer(surface_.get(), 0, 0, width, height);
    wl_surface_commit(surface_.get());
    return {};
}

void Cursor::show(wl_pointer* pointer, uint32_t serial) const {
    wl_pointer_set_cursor(pointer, serial, surface_.get(), hot_x_, hot_y_);
}

}  // namespace viaduct::wayland
