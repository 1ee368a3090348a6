#include "display/embed/viaduct_wayland.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "display/embed/embedded_window.h"
#include "display/gpu_copy/egl_copier.h"

namespace viaduct::embed {

namespace {

/// The members that the caller's header has; the others are 0.
template <typename Struct>
Struct copy_of(const Struct& given) {
    Struct copy{};
    std::memcpy(&copy, &given, std::min<size_t>(given.size, sizeof(copy)));
    return copy;
}

FrameDescription description_of(const viaduct_frame& given) {
    const auto frame = copy_of(given);
    constexpr uint32_t kPlanes = std::size(decltype(frame.planes){});
    FrameDescription description;
    // One too many is enough for Frame::check() to refuse it.
    description.planes.resize(std::min(frame.num_planes, kPlanes + 1));
    for (uint32_t i = 0; i < std::min(frame.num_planes, kPlanes); ++i)
        description.planes[i] = {frame.planes[i].fd, frame.planes[i].offset,
                                 frame.planes[i].stride};
    description.width = frame.width;
    description.height = frame.height;
    description.fourcc = frame.fourcc;
    description.modifier = frame.modifier;
    description.bottom_up = frame.bottom_up != 0;
    description.plain_memory = frame.plain_memory != 0;
    description.acquire_fence = frame.acquire_fence;
    if (frame.damage_width != 0)
        description.damage =
            FrameRect{frame.damage_x, frame.damage_y, frame.damage_width, frame.damage_height};
    if (frame.crop_width != 0)
        description.crop =
            FrameRect{frame.crop_x, frame.crop_y, frame.crop_width, frame.crop_height};
    return description;
}

EmbeddedWindow::Options options_of(const viaduct_presenter_options& given) {
    EmbeddedWindow::Options options;
    if (given.title) options.window.title = given.title;
    if (given.app_id) options.window.app_id = given.app_id;
    options.window.fullscreen = given.fullscreen != 0;
    options.input = given.input != 0;
    options.window.open_copier = gpu_copy::chosen_copier(given.gpu_copies != 0);
    return options;
}

}  // namespace

}  // namespace viaduct::embed

using namespace viaduct;

struct viaduct_presenter {
    embed::EmbeddedWindow window;
};

viaduct_presenter* viaduct_presenter_create(const viaduct_presenter_options* options,
                                            const viaduct_presenter_callbacks* callbacks,
                                            void* cookie) try {
    const auto given = options ? embed::copy_of(*options) : viaduct_presenter_options{};
    auto connection = wayland::Connection::open(given.display);
    if (!connection) {
        if (!given.quiet) log(LogLevel::kError, "{}", connection.error().message);
        errno = connection.error().code;
        return nullptr;
    }
    return new viaduct_presenter{
        {*std::move(connection), embed::options_of(given), callbacks, cookie}};
} catch (...) {
    errno = ENOMEM;
    return nullptr;
}

void viaduct_presenter_destroy(viaduct_presenter* presenter) {
    delete presenter;
}

int viaduct_presenter_present(viaduct_presenter* presenter, const viaduct_frame* frame,
                              uint64_t number) try {
    const auto status = presenter->window.present(embed::description_of(*frame), number);
    return status ? 0 : -status.error().code;
} catch (...) {
    presenter->window.frame_skipped();
    return -ENOMEM;
}

void viaduct_presenter_set_title(viaduct_presenter* presenter, const char* title) try {
    presenter->window.set_title(title);
} catch (...) {  // the old one stays
}

void viaduct_presenter_set_absolute(viaduct_presenter* presenter, int absolute) {
    presenter->window.set_absolute(absolute != 0);
}

int viaduct_presenter_set_cursor(viaduct_presenter* presenter, const viaduct_cursor* cursor) try {
    if (!cursor) {
        presenter->window.set_cursor({});
        return 0;
    }
    // Checked before it is multiplied, and so before the pixels are read.
    if (cursor->width > wayland::kMaxCursorSide || cursor->height > wayland::kMaxCursorSide)
        return -EINVAL;
    const std::span pixels(cursor->pixels, size_t{cursor->width} * cursor->height);
    auto image = wayland::check_cursor(static_cast<int32_t>(cursor->width),
                                       static_cast<int32_t>(cursor->height), cursor->hot_x,
                                       cursor->hot_y, std::as_bytes(pixels));
    if (!image) return -image.error().code;
    presenter->window.set_cursor(*std::move(image));
    return 0;
} catch (...) {
    return -ENOMEM;
}

void viaduct_presenter_get_counts(viaduct_presenter* presenter, viaduct_presenter_counts* counts) {
    const auto now = presenter->window.counts();
    const viaduct_presenter_counts all{counts->size,   now.zero_copy, now.copied, now.copied_bytes,
                                       now.superseded, now.refused,   now.blitted};
    std::memcpy(counts, &all, std::min<size_t>(counts->size, sizeof(all)));
}
