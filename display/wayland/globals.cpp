#include "display/wayland/globals.h"

#include <drm_fourcc.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "display/wayland/protocol.h"

namespace viaduct::wayland {

namespace {

// wl_shm has numbers of its own for two formats, and DRM's for all others.
uint32_t fourcc_of_shm(uint32_t format) {
    if (format == WL_SHM_FORMAT_ARGB8888) return DRM_FORMAT_ARGB8888;
    return format == WL_SHM_FORMAT_XRGB8888 ? uint32_t{DRM_FORMAT_XRGB8888} : format;
}

/// An offer of the registry.
struct Offer {
    wl_registry* registry;
    uint32_t name;
    const char* interface;
    uint32_t version;

    /// Binds it if it is of this interface and new enough.
    template <typename P>
    bool take(P& proxy, const wl_interface& wanted, uint32_t newest, uint32_t oldest = 1) const {
        if (std::strcmp(interface, wanted.name) != 0 || version < oldest || proxy) return false;
        proxy.reset(static_cast<typename P::element_type*>(
            wl_registry_bind(registry, name, &wanted, std::min(version, newest))));
        return true;
    }
};

}  // namespace

const wl_registry_listener Globals::kRegistryListener = {
    .global = [](void* data, wl_registry*, uint32_t name, const char* interface,
                 uint32_t version) { self<Globals>(data).bind(name, interface, version); },
    .global_remove = [](void*, wl_registry*, uint32_t) {},
};

const wl_callback_listener Globals::kCallbackListener = {
    .done =
        [](void* data, wl_callback*, uint32_t) {
            self<Globals>(data).done_.reset();
            self<Globals>(data).complete_();
        },
};

const xdg_wm_base_listener Globals::kWmBaseListener = {
    .ping = [](void*, xdg_wm_base* base, uint32_t serial) { xdg_wm_base_pong(base, serial); },
};

const wl_shm_listener Globals::kShmListener = {
    .format =
        [](void* data, wl_shm*, uint32_t format) {
            self<Globals>(data).shm_formats_.insert(fourcc_of_shm(format));
        },
};

const wp_presentation_listener Globals::kPresentationListener = {
    .clock_id = [](void* data, wp_presentation*,
                   uint32_t clock) { self<Globals>(data).monotonic_ = clock == CLOCK_MONOTONIC; },
};

Globals::Globals(wl_display* display, std::function<void()> complete)
    : complete_(std::move(complete)), registry_(wl_display_get_registry(display)) {
    wl_registry_add_listener(registry_.get(), &kRegistryListener, this);
    done_.reset(wl_display_sync(display));
    wl_callback_add_listener(done_.get(), &kCallbackListener, this);
}

// Newest versions: those of the files in wayland-protocols 1.31. linux-dmabuf 3 is the first with
// modifiers, wl_compositor 4 the first with damage in pixels of the buffer.
void Globals::bind(uint32_t name, const char* interface, uint32_t version) {
    const Offer offer{registry_.get(), name, interface, version};
    offer.take(compositor, wl_compositor_interface, 4, 4);
    offer.take(viewporter, wp_viewporter_interface, 1);
    offer.take(fractional_scales, wp_fractional_scale_manager_v1_interface, 1);
    offer.take(syncobj, wp_linux_drm_syncobj_manager_v1_interface, 1);
    offer.take(dmabuf, zwp_linux_dmabuf_v1_interface, 4, 3);
    offer.take(constraints, zwp_pointer_constraints_v1_interface, 1);
    offer.take(relative_pointers, zwp_relative_pointer_manager_v1_interface, 1);
    offer.take(data_devices, wl_data_device_manager_interface, 3);
    offer.take(shortcuts, zwp_keyboard_shortcuts_inhibit_manager_v1_interface, 1);
    if (offer.take(shm, wl_shm_interface, 1)) wl_shm_add_listener(shm.get(), &kShmListener, this);
    if (offer.take(wm_base, xdg_wm_base_interface, 1))
        xdg_wm_base_add_listener(wm_base.get(), &kWmBaseListener, this);
    if (offer.take(presentation, wp_presentation_interface, 1))
        wp_presentation_add_listener(presentation.get(), &kPresentationListener, this);
    if (std::strcmp(interface, wl_seat_interface.name) == 0 && seat_version_ == 0) {
        seat_name_ = name;
        seat_version_ = version;
    }
}

// 8 is the first whose wheels report parts of steps, and the newest of libwayland 1.21.
bool Globals::bind_seat() {
    const Offer offer{registry_.get(), seat_name_, wl_seat_interface.name, seat_version_};
    return offer.take(seat, wl_seat_interface, 8);
}

Status Globals::check() const {
    const char* missing = !compositor ? "wl_compositor version 4"
                          : !wm_base  ? "xdg_wm_base"
                          : !shm      ? "wl_shm"
                                      : nullptr;
    if (missing) return fail(ENOTSUP, "the compositor does not offer {}", missing);
    return {};
}

uint32_t Globals::dmabuf_version() const {
    return dmabuf ? zwp_linux_dmabuf_v1_get_version(dmabuf.get()) : 0;
}

}  // namespace viaduct::wayland
