#include "display/wayland/cursor.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "blob/mapping.h"
#include "blob/memfd.h"

namespace viaduct::wayland {

Cursor::Cursor(const Globals& globals)
    : globals_(globals), surface_(wl_compositor_create_surface(globals.compositor.get())) {
    if (globals.viewporter && globals.fractional_scales)
        viewport_.reset(wp_viewporter_get_viewport(globals.viewporter.get(), surface_.get()));
}

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
    image_ = {image.width, image.height, image.hot_x, image.hot_y, {}, image.of_guest};
    commit();
    return {};
}

bool Cursor::set_scale(Scale scale) {
    if (!viewport_ || std::exchange(scale_, scale) == scale) return false;
    if (buffers_[0]) commit();
    return true;
}

int32_t Cursor::on_surface(uint32_t pixels) const {
    const auto length = static_cast<int32_t>(pixels);
    return image_.of_guest ? std::max(scale_.to_surface(length), 1) : length;
}

void Cursor::commit() {
    if (viewport_)
        wp_viewport_set_destination(viewport_.get(), on_surface(image_.width),
                                    on_surface(image_.height));
    wl_surface_attach(surface_.get(), buffers_[0].get(), 0, 0);
    wl_surface_damage_buffer(surface_.get(), 0, 0, static_cast<int32_t>(image_.width),
                             static_cast<int32_t>(image_.height));
    wl_surface_commit(surface_.get());
}

void Cursor::show(wl_pointer* pointer, uint32_t serial) const {
    const auto spot = [&](int32_t hot, uint32_t side) {
        const int32_t scaled = image_.of_guest ? scale_.to_surface(hot) : hot;
        return std::min(scaled, on_surface(side) - 1);
    };
    wl_pointer_set_cursor(pointer, serial, surface_.get(), spot(image_.hot_x, image_.width),
                          spot(image_.hot_y, image_.height));
}

}  // namespace viaduct::wayland
