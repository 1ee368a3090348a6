#include "display/wayland/window.h"

#include <algorithm>
#include <span>
#include <utility>

#include "display/wayland/protocol.h"

namespace viaduct::wayland {

namespace {

bool has_state(const wl_array& states, uint32_t wanted) {
    const std::span all(static_cast<const uint32_t*>(states.data), states.size / sizeof(uint32_t));
    return std::ranges::find(all, wanted) != all.end();
}

}  // namespace

const xdg_surface_listener Window::kSurfaceListener = {
    .configure = [](void* data, xdg_surface*,
                    uint32_t serial) { self<Window>(data).configure(serial); },
};

// The last two belong to later versions than the one that is bound.
const xdg_toplevel_listener Window::kToplevelListener = {
    .configure =
        [](void* data, xdg_toplevel*, int32_t width, int32_t height, wl_array* states) {
            self<Window>(data).announced_ = {std::max(width, 0), std::max(height, 0)};
            self<Window>(data).fullscreen_ = has_state(*states, XDG_TOPLEVEL_STATE_FULLSCREEN);
            self<Window>(data).announced_exact_ =
                self<Window>(data).fullscreen_ || has_state(*states, XDG_TOPLEVEL_STATE_MAXIMIZED);
        },
    .close = [](void* data, xdg_toplevel*) { self<Window>(data).events_.close_requested(); },
    .configure_bounds = [](void*, xdg_toplevel*, int32_t, int32_t) {},
    .wm_capabilities = [](void*, xdg_toplevel*, wl_array*) {},
};

const wp_fractional_scale_v1_listener Window::kScaleListener = {
    .preferred_scale = [](void* data, wp_fractional_scale_v1*,
                          uint32_t parts) { self<Window>(data).set_scale(Scale(parts)); },
};

Window::Window(const Globals& globals, const Look& look, Events events)
    : events_(std::move(events)),
      surface_(wl_compositor_create_surface(globals.compositor.get())),
      xdg_surface_(xdg_wm_base_get_xdg_surface(globals.wm_base.get(), surface_.get())),
      toplevel_(xdg_surface_get_toplevel(xdg_surface_.get())) {
    xdg_surface_add_listener(xdg_surface_.get(), &kSurfaceListener, this);
    xdg_toplevel_add_listener(toplevel_.get(), &kToplevelListener, this);
    xdg_toplevel_set_title(toplevel_.get(), look.title.c_str());
    xdg_toplevel_set_app_id(toplevel_.get(), look.app_id.c_str());
    if (look.fullscreen) xdg_toplevel_set_fullscreen(toplevel_.get(), nullptr);
    if (globals.viewporter)
        viewport_.reset(wp_viewporter_get_viewport(globals.viewporter.get(), surface_.get()));
    if (viewport_ && globals.fractional_scales) {
        fractional_scale_.reset(wp_fractional_scale_manager_v1_get_fractional_scale(
            globals.fractional_scales.get(), surface_.get()));
        wp_fractional_scale_v1_add_listener(fractional_scale_.get(), &kScaleListener, this);
    }
    wl_surface_commit(surface_.get());  // without a buffer: asks for the first configure
}

void Window::configure(uint32_t serial) {
    xdg_surface_ack_configure(xdg_surface_.get(), serial);
    configured_ = true;
    wanted_ = announced_;
    exact_ = announced_exact_;
    // The picture that is there fills the new size until the next one comes.
    if (shown_ && viewport_) {
        set_destination();
        wl_surface_commit(surface_.get());
    }
    events_.configured();
}

void Window::toggle_fullscreen() {
    if (fullscreen_)
        xdg_toplevel_unset_fullscreen(toplevel_.get());
    else
        xdg_toplevel_set_fullscreen(toplevel_.get(), nullptr);
}

// A picture whose size nobody demands keeps its pixels, and takes more or less of the surface's
// coordinates.
void Window::set_scale(Scale scale) {
    if (std::exchange(scale_, scale) == scale) return;
    if (shown_) {
        set_destination();
        wl_surface_commit(surface_.get());
    }
    events_.configured();
}

void Window::set_destination() {
    if (!viewport_) return;
    const bool set = size_demanded() || scale_ != Scale();
    wp_viewport_set_destination(viewport_.get(), set ? size().width : -1, set ? size().height : -1);
}

bool Window::fits(WindowSize buffer) const {
    return viewport_ || !exact_ || wanted_ == WindowSize() ||
           (buffer.width <= wanted_.width && buffer.height <= wanted_.height);
}

// viewporter.xml: the source is a part of the picture as it is shown, after the buffer's transform.
void Window::crop(const Frame& frame) {
    const bool cropped = frame.cropped();
    if (cropped) {
        const FrameRect& part = frame.crop();
        wp_viewport_set_source(viewport_.get(), wl_fixed_from_int(part.x),
                               wl_fixed_from_int(part.y), wl_fixed_from_int(part.width),
                               wl_fixed_from_int(part.height));
    } else if (cropped_) {
        const wl_fixed_t unset = wl_fixed_from_int(-1);
        wp_viewport_set_source(viewport_.get(), unset, unset, unset, unset);
    }
    cropped_ = cropped;
}

WindowSize Window::wanted() const {
    return {scale_.to_pixels(wanted_.width), scale_.to_pixels(wanted_.height)};
}

WindowSize Window::size() const {
    if (viewport_ && size_demanded()) return wanted_;
    if (picture_ == WindowSize()) return {};
    return {std::max(scale_.to_surface(picture_.width), 1),
            std::max(scale_.to_surface(picture_.height), 1)};
}

void Window::commit(wl_buffer* buffer, const Frame& frame) {
    picture_ = {frame.crop().width, frame.crop().height};
    set_destination();
    crop(frame);
    if (frame.bottom_up() != bottom_up_)
        wl_surface_set_buffer_transform(surface_.get(), frame.bottom_up()
                                                            ? WL_OUTPUT_TRANSFORM_FLIPPED_180
                                                            : WL_OUTPUT_TRANSFORM_NORMAL);
    bottom_up_ = frame.bottom_up();
    wl_surface_attach(surface_.get(), buffer, 0, 0);
    wl_surface_commit(surface_.get());
    shown_ = true;
}

}  // namespace viaduct::wayland
