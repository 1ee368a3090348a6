// Wayland's interfaces, as wayland-scanner writes them, and owners of their objects.
#pragma once

#include <wayland-client.h>

#include <memory>

#include "fractional-scale-client-protocol.h"
#include "keyboard-shortcuts-inhibit-client-protocol.h"
#include "linux-dmabuf-client-protocol.h"
#include "linux-drm-syncobj-client-protocol.h"
#include "pointer-constraints-client-protocol.h"
#include "presentation-time-client-protocol.h"
#include "relative-pointer-client-protocol.h"
#include "viewporter-client-protocol.h"
#include "xdg-shell-client-protocol.h"

namespace viaduct::wayland {

/// The destructor request of each interface. (wayland-scanner's functions are static: as arguments
/// of a template they would make another type in each file.)
struct DestroyProxy {
    void operator()(wl_registry* proxy) const;
    void operator()(wl_callback* proxy) const;
    void operator()(wl_compositor* proxy) const;
    void operator()(wl_surface* proxy) const;
    void operator()(wl_buffer* proxy) const;
    void operator()(wl_shm* proxy) const;
    void operator()(wl_shm_pool* proxy) const;
    void operator()(xdg_wm_base* proxy) const;
    void operator()(xdg_surface* proxy) const;
    void operator()(xdg_toplevel* proxy) const;
    void operator()(zwp_linux_dmabuf_v1* proxy) const;
    void operator()(zwp_linux_dmabuf_feedback_v1* proxy) const;
    void operator()(zwp_linux_buffer_params_v1* proxy) const;
    void operator()(wp_viewporter* proxy) const;
    void operator()(wp_viewport* proxy) const;
    void operator()(wp_fractional_scale_manager_v1* proxy) const;
    void operator()(wp_fractional_scale_v1* proxy) const;
    void operator()(wp_presentation* proxy) const;
    void operator()(struct wp_presentation_feedback* proxy) const;
    void operator()(wp_linux_drm_syncobj_manager_v1* proxy) const;
    void operator()(wp_linux_drm_syncobj_surface_v1* proxy) const;
    void operator()(wp_linux_drm_syncobj_timeline_v1* proxy) const;
    void operator()(wl_seat* proxy) const;
    void operator()(wl_keyboard* proxy) const;
    void operator()(wl_pointer* proxy) const;
    void operator()(wl_touch* proxy) const;
    void operator()(wl_data_device_manager* proxy) const;
    void operator()(wl_data_device* proxy) const;
    void operator()(wl_data_offer* proxy) const;
    void operator()(wl_data_source* proxy) const;
    void operator()(zwp_pointer_constraints_v1* proxy) const;
    void operator()(zwp_locked_pointer_v1* proxy) const;
    void operator()(zwp_relative_pointer_manager_v1* proxy) const;
    void operator()(zwp_relative_pointer_v1* proxy) const;
    void operator()(zwp_keyboard_shortcuts_inhibit_manager_v1* proxy) const;
    void operator()(zwp_keyboard_shortcuts_inhibitor_v1* proxy) const;
};

/// The object that a listener's events are for: the `data` it was added with.
template <typename T>
T& self(void* data) {
    return *static_cast<T*>(data);
}

/// Owns an object of the connection, which has to outlive it.
template <typename T>
using Proxy = std::unique_ptr<T, DestroyProxy>;

using Registry = Proxy<wl_registry>;
using Callback = Proxy<wl_callback>;
using Compositor = Proxy<wl_compositor>;
using Surface = Proxy<wl_surface>;
using WlBuffer = Proxy<wl_buffer>;
using Shm = Proxy<wl_shm>;
using ShmPool = Proxy<wl_shm_pool>;
using WmBase = Proxy<xdg_wm_base>;
using XdgSurface = Proxy<xdg_surface>;
using Toplevel = Proxy<xdg_toplevel>;
using LinuxDmabuf = Proxy<zwp_linux_dmabuf_v1>;
using DmabufFeedback = Proxy<zwp_linux_dmabuf_feedback_v1>;
using BufferParams = Proxy<zwp_linux_buffer_params_v1>;
using Viewporter = Proxy<wp_viewporter>;
using Viewport = Proxy<wp_viewport>;
using FractionalScaleManager = Proxy<wp_fractional_scale_manager_v1>;
using FractionalScale = Proxy<wp_fractional_scale_v1>;
using Presentation = Proxy<wp_presentation>;
using PresentationFeedback = Proxy<struct wp_presentation_feedback>;
using SyncobjManager = Proxy<wp_linux_drm_syncobj_manager_v1>;
using SyncobjSurface = Proxy<wp_linux_drm_syncobj_surface_v1>;
using SyncobjTimeline = Proxy<wp_linux_drm_syncobj_timeline_v1>;
using WlSeat = Proxy<wl_seat>;
using Keyboard = Proxy<wl_keyboard>;
using Pointer = Proxy<wl_pointer>;
using Touch = Proxy<wl_touch>;
using DataDeviceManager = Proxy<wl_data_device_manager>;
using DataDevice = Proxy<wl_data_device>;
using DataOffer = Proxy<wl_data_offer>;
using DataSource = Proxy<wl_data_source>;
using PointerConstraints = Proxy<zwp_pointer_constraints_v1>;
using LockedPointer = Proxy<zwp_locked_pointer_v1>;
using RelativePointerManager = Proxy<zwp_relative_pointer_manager_v1>;
using RelativePointer = Proxy<zwp_relative_pointer_v1>;
using ShortcutsInhibitManager = Proxy<zwp_keyboard_shortcuts_inhibit_manager_v1>;
using ShortcutsInhibitor = Proxy<zwp_keyboard_shortcuts_inhibitor_v1>;

}  // namespace viaduct::wayland
