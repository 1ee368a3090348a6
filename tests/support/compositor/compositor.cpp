#include "tests/support/compositor/compositor.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <wayland-server.h>

#include <algorithm>
#include <cstring>

#include "fractional-scale-server-protocol.h"
#include "presentation-time-server-protocol.h"
#include "tests/support/compositor/server_objects.h"
#include "viewporter-server-protocol.h"
#include "xdg-shell-server-protocol.h"

namespace viaduct::test {

namespace {

template <typename Pointers>
void forget(Pointers& pointers, wl_resource* resource) {
    std::erase(pointers, resource);
}

// wl_surface

void attach(wl_client*, wl_resource* surface, wl_resource* buffer, int32_t, int32_t) {
    ServerCommit& pending = of(surface).pending;
    pending.attached = buffer != nullptr;
    pending.buffer = buffer;
    pending.dmabuf = buffer ? dmabuf_of(buffer) : nullptr;
}

void frame(wl_client* client, wl_resource* surface, uint32_t id) {
    wl_resource* callback = wl_resource_create(client, &wl_callback_interface, 1, id);
    wl_resource_set_implementation(callback, nullptr, &of(surface), [](wl_resource* gone) {
        forget(of(gone).frame_callbacks, gone);
    });
    of(surface).frame_callbacks.push_back(callback);
}

void damage_buffer(wl_client*, wl_resource* surface, int32_t x, int32_t y, int32_t w, int32_t h) {
    of(surface).pending.damage.push_back({x, y, w, h});
}

constexpr struct wl_surface_interface kSurface = {
    .destroy = destroy_resource,
    .attach = attach,
    .damage = damage_buffer,
    .frame = frame,
    .set_opaque_region = [](wl_client*, wl_resource*, wl_resource*) {},
    .set_input_region = [](wl_client*, wl_resource*, wl_resource*) {},
    .commit = [](wl_client*, wl_resource* surface) { of(surface).apply_commit(); },
    .set_buffer_transform = [](wl_client*, wl_resource* surface,
                               int32_t transform) { of(surface).transform = transform; },
    .set_buffer_scale = [](wl_client*, wl_resource*, int32_t) {},
    .damage_buffer = damage_buffer,
    .offset = [](wl_client*, wl_resource*, int32_t, int32_t) {},
};

// Of cursors nothing is looked at.
constexpr struct wl_surface_interface kCursorSurface = {
    .destroy = destroy_resource,
    .attach = [](wl_client*, wl_resource*, wl_resource*, int32_t, int32_t) {},
    .damage = [](wl_client*, wl_resource*, int32_t, int32_t, int32_t, int32_t) {},
    .frame = [](wl_client*, wl_resource*, uint32_t) {},
    .set_opaque_region = [](wl_client*, wl_resource*, wl_resource*) {},
    .set_input_region = [](wl_client*, wl_resource*, wl_resource*) {},
    .commit = [](wl_client*, wl_resource*) {},
    .set_buffer_transform = [](wl_client*, wl_resource*, int32_t) {},
    .set_buffer_scale = [](wl_client*, wl_resource*, int32_t) {},
    .damage_buffer = [](wl_client*, wl_resource*, int32_t, int32_t, int32_t, int32_t) {},
    .offset = [](wl_client*, wl_resource*, int32_t, int32_t) {},
};

constexpr struct wl_compositor_interface kCompositor = {
    .create_surface =
        [](wl_client* client, wl_resource* resource, uint32_t id) {
            wl_resource* made = wl_resource_create(client, &wl_surface_interface, 4, id);
            // The first is the window's, others are cursors'.
            if (std::exchange(of(resource).has_window, true)) {
                wl_resource_set_implementation(made, &kCursorSurface, nullptr, nullptr);
                return;
            }
            of(resource).surface = made;
            wl_resource_set_implementation(made, &kSurface, &of(resource),
                                           [](wl_resource* gone) { of(gone).surface = nullptr; });
        },
    .create_region = [](wl_client*, wl_resource*, uint32_t) {},
};

// xdg_shell

constexpr struct xdg_toplevel_interface kToplevel = {
    .destroy = destroy_resource,
    .set_parent = [](wl_client*, wl_resource*, wl_resource*) {},
    .set_title = [](wl_client*, wl_resource* toplevel,
                    const char* title) { of(toplevel).title = title; },
    .set_app_id = [](wl_client*, wl_resource*, const char*) {},
    .show_window_menu = [](wl_client*, wl_resource*, wl_resource*, uint32_t, int32_t, int32_t) {},
    .move = [](wl_client*, wl_resource*, wl_resource*, uint32_t) {},
    .resize = [](wl_client*, wl_resource*, wl_resource*, uint32_t, uint32_t) {},
    .set_max_size = [](wl_client*, wl_resource*, int32_t, int32_t) {},
    .set_min_size = [](wl_client*, wl_resource*, int32_t, int32_t) {},
    .set_maximized = [](wl_client*, wl_resource*) {},
    .unset_maximized = [](wl_client*, wl_resource*) {},
    .set_fullscreen = [](wl_client*, wl_resource* toplevel,
                         wl_resource*) { of(toplevel).fullscreen = true; },
    .unset_fullscreen = [](wl_client*, wl_resource* toplevel) { of(toplevel).fullscreen = false; },
    .set_minimized = [](wl_client*, wl_resource*) {},
};

constexpr struct xdg_surface_interface kXdgSurface = {
    .destroy = destroy_resource,
    .get_toplevel =
        [](wl_client* client, wl_resource* resource, uint32_t id) {
            Compositor& compositor = of(resource);
            compositor.toplevel = wl_resource_create(client, &xdg_toplevel_interface,
                                                     wl_resource_get_version(resource), id);
            wl_resource_set_implementation(compositor.toplevel, &kToplevel, &compositor,
                                           [](wl_resource* gone) { of(gone).toplevel = nullptr; });
        },
    .get_popup = [](wl_client*, wl_resource*, uint32_t, wl_resource*, wl_resource*) {},
    .set_window_geometry = [](wl_client*, wl_resource*, int32_t, int32_t, int32_t, int32_t) {},
    .ack_configure =
        [](wl_client*, wl_resource* resource, uint32_t serial) {
            EXPECT_LE(serial, of(resource).serial);
            of(resource).acknowledged = true;
        },
};

constexpr struct xdg_wm_base_interface kWmBase = {
    .destroy = destroy_resource,
    .create_positioner = [](wl_client*, wl_resource*, uint32_t) {},
    .get_xdg_surface =
        [](wl_client* client, wl_resource* resource, uint32_t id, wl_resource*) {
            Compositor& compositor = of(resource);
            compositor.xdg_surface = wl_resource_create(client, &xdg_surface_interface,
                                                        wl_resource_get_version(resource), id);
            wl_resource_set_implementation(
                compositor.xdg_surface, &kXdgSurface, &compositor,
                [](wl_resource* gone) { of(gone).xdg_surface = nullptr; });
        },
    .pong = [](wl_client*, wl_resource*, uint32_t) {},
};

// viewporter, presentation-time

constexpr struct wp_viewport_interface kViewport = {
    .destroy = destroy_resource,
    .set_source =
        [](wl_client*, wl_resource* resource, wl_fixed_t x, wl_fixed_t y, wl_fixed_t width,
           wl_fixed_t height) {
            of(resource).source.clear();
            if (width != wl_fixed_from_int(-1))
                of(resource).source = {wl_fixed_to_int(x), wl_fixed_to_int(y),
                                       wl_fixed_to_int(width), wl_fixed_to_int(height)};
        },
    .set_destination =
        [](wl_client*, wl_resource* resource, int32_t width, int32_t height) {
            of(resource).destination.clear();
            if (width != -1) of(resource).destination = {width, height};
        },
};

// Of a cursor's surface.
constexpr struct wp_viewport_interface kCursorViewport = {
    .destroy = destroy_resource,
    .set_source = [](wl_client*, wl_resource*, wl_fixed_t, wl_fixed_t, wl_fixed_t, wl_fixed_t) {},
    .set_destination =
        [](wl_client*, wl_resource* resource, int32_t width, int32_t height) {
            of(resource).seat.cursor_size = {width, height};
        },
};

constexpr struct wp_viewporter_interface kViewporter = {
    .destroy = destroy_resource,
    .get_viewport =
        [](wl_client* client, wl_resource* resource, uint32_t id, wl_resource* surface) {
            wl_resource* viewport = wl_resource_create(client, &wp_viewport_interface, 1, id);
            const bool window = surface == of(resource).surface;
            wl_resource_set_implementation(viewport, window ? &kViewport : &kCursorViewport,
                                           &of(resource), nullptr);
        },
};

constexpr struct wp_fractional_scale_v1_interface kScale = {.destroy = destroy_resource};
constexpr struct wp_fractional_scale_manager_v1_interface kScales = {
    .destroy = destroy_resource,
    .get_fractional_scale =
        [](wl_client* client, wl_resource* resource, uint32_t id, wl_resource* surface) {
            EXPECT_EQ(surface, of(resource).surface) << "not the window";
            if (of(resource).fractional_scale) return of(resource).refuse(resource, 0, "exists");
            of(resource).fractional_scale =
                wl_resource_create(client, &wp_fractional_scale_v1_interface, 1, id);
            wl_resource_set_implementation(
                of(resource).fractional_scale, &kScale, &of(resource),
                [](wl_resource* gone) { of(gone).fractional_scale = nullptr; });
        },
};

constexpr struct wp_presentation_interface kPresentation = {
    .destroy = destroy_resource,
    .feedback =
        [](wl_client* client, wl_resource* resource, wl_resource*, uint32_t id) {
            wl_resource* feedback =
                wl_resource_create(client, &wp_presentation_feedback_interface, 1, id);
            wl_resource_set_implementation(feedback, nullptr, &of(resource), [](wl_resource* gone) {
                forget(of(gone).feedbacks, gone);
            });
            of(resource).feedbacks.push_back(feedback);
        },
};

void bind_presentation(wl_client* client, void* data, uint32_t version, uint32_t id) {
    wl_resource* resource =
        wl_resource_create(client, &wp_presentation_interface, static_cast<int>(version), id);
    wl_resource_set_implementation(resource, &kPresentation, data, nullptr);
    wp_presentation_send_clock_id(resource, compositor_of(data).offers.clock);
}

std::vector<uint32_t> pixels_of(wl_resource* buffer) {
    wl_shm_buffer* shm = wl_shm_buffer_get(buffer);
    const auto width = static_cast<size_t>(wl_shm_buffer_get_width(shm));
    const auto height = static_cast<size_t>(wl_shm_buffer_get_height(shm));
    EXPECT_EQ(wl_shm_buffer_get_stride(shm), static_cast<int32_t>(width * 4));
    std::vector<uint32_t> pixels(width * height);
    wl_shm_buffer_begin_access(shm);
    std::memcpy(pixels.data(), wl_shm_buffer_get_data(shm), pixels.size() * 4);
    wl_shm_buffer_end_access(shm);
    return pixels;
}

}  // namespace

void destroy_resource(wl_client*, wl_resource* resource) {
    wl_resource_destroy(resource);
}

Compositor::Compositor(CompositorOffers offered)
    : offers(std::move(offered)), display(wl_display_create()) {
    wl_display_init_shm(display);
    const auto offer = [this](const wl_interface& interface, int version, auto bound) {
        wl_global_create(display, &interface, version, this, bound);
    };
    offer(wl_compositor_interface, 4, bind<kCompositor, wl_compositor_interface>);
    if (offers.xdg_shell) offer(xdg_wm_base_interface, 3, bind<kWmBase, xdg_wm_base_interface>);
    if (offers.viewporter)
        offer(wp_viewporter_interface, 1, bind<kViewporter, wp_viewporter_interface>);
    if (offers.fractional_scale)
        offer(wp_fractional_scale_manager_v1_interface, 1,
              bind<kScales, wp_fractional_scale_manager_v1_interface>);
    if (offers.presentation) offer(wp_presentation_interface, 1, bind_presentation);
    if (offers.seat) offer_seat(*this);
    offer_buffers(*this);
}

Compositor::~Compositor() {
    wl_display_destroy_clients(display);
    wl_display_destroy(display);
}

UniqueFd Compositor::connect() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    client = wl_client_create(display, ends[0]);
    return UniqueFd(ends[1]);
}

void Compositor::listen(UniqueFd socket) {
    EXPECT_EQ(::listen(socket.get(), 1), 0);
    EXPECT_EQ(wl_display_add_socket_fd(display, socket.release()), 0);
}

int Compositor::fd() const {
    return wl_event_loop_get_fd(wl_display_get_event_loop(display));
}

void Compositor::turn() {
    wl_event_loop_dispatch(wl_display_get_event_loop(display), 0);
    wl_display_flush_clients(display);
}

void Compositor::disconnect() {
    wl_client_destroy(client);
}

void Compositor::refuse(wl_resource* resource, uint32_t code, const char* why) {
    error = why;
    wl_resource_post_error(resource, code, "%s", why);
}

void Compositor::apply_commit() {
    ServerCommit commit = std::exchange(pending, {});
    commit.transform = transform;
    commit.destination = destination;
    if (commit.attached && !acknowledged)
        return refuse(xdg_surface, XDG_SURFACE_ERROR_UNCONFIGURED_BUFFER, "not configured yet");
    if (syncobj_surface && commit.attached && !commit.dmabuf)
        return refuse(syncobj_surface, 2, "explicit sync of shared memory");
    if (syncobj_surface && commit.attached && !commit.acquire)
        return refuse(syncobj_surface, 4, "no acquire point");
    if (syncobj_surface && commit.attached && !commit.release)
        return refuse(syncobj_surface, 5, "no release point");
    if (syncobj_surface && !commit.attached && (commit.acquire || commit.release))
        return refuse(syncobj_surface, 3, "points without a buffer");
    if (commit.dmabuf && !exact_size.empty() && destination.empty() &&
        (commit.dmabuf->width > exact_size[0] || commit.dmabuf->height > exact_size[1]))
        return refuse(xdg_surface, 4, "larger than its configured size");
    if (commit.dmabuf && !source.empty() &&
        (source[0] < 0 || source[1] < 0 || source[2] < 1 || source[3] < 1 ||
         source[0] + source[2] > commit.dmabuf->width ||
         source[1] + source[3] > commit.dmabuf->height))
        return refuse(surface, 2, "a source outside the buffer");
    if (commit.attached && !commit.dmabuf) commit.pixels = pixels_of(commit.buffer);
    commits.push_back(std::move(commit));
}

void Compositor::configure(int32_t width, int32_t height, std::vector<uint32_t> states) {
    const bool exact = std::ranges::any_of(states, [](uint32_t state) {
        return state == XDG_TOPLEVEL_STATE_MAXIMIZED || state == XDG_TOPLEVEL_STATE_FULLSCREEN;
    });
    exact_size = exact ? std::vector{width, height} : std::vector<int32_t>();
    wl_array array{states.size() * sizeof(uint32_t), 0, states.data()};
    xdg_toplevel_send_configure(toplevel, width, height, &array);
    xdg_surface_send_configure(xdg_surface, ++serial);
}

void Compositor::close_window() {
    xdg_toplevel_send_close(toplevel);
}

void Compositor::send_scale(uint32_t parts) {
    wp_fractional_scale_v1_send_preferred_scale(fractional_scale, parts);
}

void Compositor::send_frame_done() {
    while (!frame_callbacks.empty()) {
        wl_resource* callback = frame_callbacks.front();
        wl_callback_send_done(callback, 0);
        wl_resource_destroy(callback);
    }
}

void Compositor::send_presented(uint64_t seconds, uint32_t nanoseconds, uint32_t refresh,
                                uint32_t flags) {
    wl_resource* feedback = feedbacks.front();
    wp_presentation_feedback_send_presented(feedback, static_cast<uint32_t>(seconds >> 32),
                                            static_cast<uint32_t>(seconds), nanoseconds, refresh, 0,
                                            0, flags);
    wl_resource_destroy(feedback);
}

void Compositor::send_discarded() {
    wl_resource* feedback = feedbacks.front();
    wp_presentation_feedback_send_discarded(feedback);
    wl_resource_destroy(feedback);
}

void Compositor::release(wl_resource* buffer) {
    wl_buffer_send_release(buffer);
}

int Compositor::alive_buffers() const {
    return static_cast<int>(std::ranges::count_if(
        buffers, [](const auto& buffer) { return buffer->resource != nullptr; }));
}

}  // namespace viaduct::test
