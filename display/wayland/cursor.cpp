#include "display/wayland/cursor.h"

#include <cstring>

#include "blob/mapping.h"
#include "blob/memfd.h"

namespace viaduct::wayland {

CursorImage arrow_cursor() {
    constexpr uint32_t kSide = 16;
    constexpr uint32_t kWhite = 0xffffffff;
    constexpr uint32_t kBlack = 0xff000000;
    CursorImage arrow{kSide, kSide, 0, 0, std::vector<uint32_t>(size_t{kSide} * kSide)};
    // A triangle whose corner is the hot spot, black with a white edge.
    for (uint32_t y = 0; y < kSide; ++y)
        for (uint32_t x = 0; x <= y * 2 / 3; ++x) {
            const bool edge = x == 0 || x == y * 2 / 3 || y == kSide - 1;
            arrow.pixels[size_t{y} * kSide + x] = edge ? kWhite : kBlack;
        }
    return arrow;
}

Result<CursorImage> check_cursor(int32_t width, int32_t height, int32_t hot_x, int32_t hot_y,
                                 std::span<const std::byte> bytes) {
    constexpr auto kMost = static_cast<int32_t>(kMaxCursorSide);
    if (width < 1 || height < 1 || width > kMost || height > kMost)
        return fail(EINVAL, "a cursor of {}x{} pixels cannot be shown; each side must be 1 to {}",
                    width, height, kMost);
    const auto pixels = static_cast<size_t>(width) * static_cast<size_t>(height);
    if (bytes.size() != pixels * 4)
        return fail(EINVAL, "a cursor of {}x{} pixels does not match its {} bytes", width, height,
                    bytes.size());
    if (hot_x < 0 || hot_y < 0 || hot_x >= width || hot_y >= height)
        return fail(EINVAL, "a cursor of {}x{} pixels cannot have its hot spot at {},{}", width,
                    height, hot_x, hot_y);
    CursorImage cursor{static_cast<uint32_t>(width), static_cast<uint32_t>(height), hot_x, hot_y,
                       std::vector<uint32_t>(pixels)};
    std::memcpy(cursor.pixels.data(), bytes.data(), bytes.size());
    return cursor;
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
