#include "display/wayland/protocol.h"

namespace viaduct::wayland {

void DestroyProxy::operator()(wl_registry* proxy) const {
    wl_registry_destroy(proxy);
}

void DestroyProxy::operator()(wl_callback* proxy) const {
    wl_callback_destroy(proxy);
}

void DestroyProxy::operator()(wl_compositor* proxy) const {
    wl_compositor_destroy(proxy);
}

void DestroyProxy::operator()(wl_surface* proxy) const {
    wl_surface_destroy(proxy);
}

void DestroyProxy::operator()(wl_buffer* proxy) const {
    wl_buffer_destroy(proxy);
}

void DestroyProxy::operator()(wl_shm* proxy) const {
    wl_shm_destroy(proxy);
}

void DestroyProxy::operator()(wl_shm_pool* proxy) const {
    wl_shm_pool_destroy(proxy);
}

void DestroyProxy::operator()(xdg_wm_base* proxy) const {
    xdg_wm_base_destroy(proxy);
}

void DestroyProxy::operator()(xdg_surface* proxy) const {
    xdg_surface_destroy(proxy);
}

void DestroyProxy::operator()(xdg_toplevel* proxy) const {
    xdg_toplevel_destroy(proxy);
}

void DestroyProxy::operator()(zwp_linux_dmabuf_v1* proxy) const {
    zwp_linux_dmabuf_v1_destroy(proxy);
}

void DestroyProxy::operator()(zwp_linux_dmabuf_feedback_v1* proxy) const {
    zwp_linux_dmabuf_feedback_v1_destroy(proxy);
}

void DestroyProxy::operator()(zwp_linux_buffer_params_v1* proxy) const {
    zwp_linux_buffer_params_v1_destroy(proxy);
}

void DestroyProxy::operator()(wp_viewporter* proxy) const {
    wp_viewporter_destroy(proxy);
}

void DestroyProxy::operator()(wp_viewport* proxy) const {
    wp_viewport_destroy(proxy);
}

void DestroyProxy::operator()(wp_fractional_scale_manager_v1* proxy) const {
    wp_fractional_scale_manager_v1_destroy(proxy);
}

void DestroyProxy::operator()(wp_fractional_scale_v1* proxy) const {
    wp_fractional_scale_v1_destroy(proxy);
}

void DestroyProxy::operator()(wp_presentation* proxy) const {
    wp_presentation_destroy(proxy);
}

void DestroyProxy::operator()(struct wp_presentation_feedback* proxy) const {
    wp_presentation_feedback_destroy(proxy);
}

void DestroyProxy::operator()(wp_linux_drm_syncobj_manager_v1* proxy) const {
    wp_linux_drm_syncobj_manager_v1_destroy(proxy);
}

void DestroyProxy::operator()(wp_linux_drm_syncobj_surface_v1* proxy) const {
    wp_linux_drm_syncobj_surface_v1_destroy(proxy);
}

void DestroyProxy::operator()(wp_linux_drm_syncobj_timeline_v1* proxy) const {
    wp_linux_drm_syncobj_timeline_v1_destroy(proxy);
}

void DestroyProxy::operator()(wl_seat* proxy) const {
    if (wl_seat_get_version(proxy) >= WL_SEAT_RELEASE_SINCE_VERSION)
        wl_seat_release(proxy);
    else
        wl_seat_destroy(proxy);
}

void DestroyProxy::operator()(wl_keyboard* proxy) const {
    if (wl_keyboard_get_version(proxy) >= WL_KEYBOARD_RELEASE_SINCE_VERSION)
        wl_keyboard_release(proxy);
    else
        wl_keyboard_destroy(proxy);
}

void DestroyProxy::operator()(wl_pointer* proxy) const {
    if (wl_pointer_get_version(proxy) >= WL_POINTER_RELEASE_SINCE_VERSION)
        wl_pointer_release(proxy);
    else
        wl_pointer_destroy(proxy);
}

void DestroyProxy::operator()(wl_touch* proxy) const {
    if (wl_touch_get_version(proxy) >= WL_TOUCH_RELEASE_SINCE_VERSION)
        wl_touch_release(proxy);
    else
        wl_touch_destroy(proxy);
}

void DestroyProxy::operator()(wl_data_device_manager* proxy) const {
    wl_data_device_manager_destroy(proxy);
}

void DestroyProxy::operator()(wl_data_device* proxy) const {
    if (wl_data_device_get_version(proxy) >= WL_DATA_DEVICE_RELEASE_SINCE_VERSION)
        wl_data_device_release(proxy);
    else
        wl_data_device_destroy(proxy);
}

void DestroyProxy::operator()(wl_data_offer* proxy) const {
    wl_data_offer_destroy(proxy);
}

void DestroyProxy::operator()(wl_data_source* proxy) const {
    wl_data_source_destroy(proxy);
}

void DestroyProxy::operator()(zwp_pointer_constraints_v1* proxy) const {
    zwp_pointer_constraints_v1_destroy(proxy);
}

void DestroyProxy::operator()(zwp_locked_pointer_v1* proxy) const {
    zwp_locked_pointer_v1_destroy(proxy);
}

void DestroyProxy::operator()(zwp_relative_pointer_manager_v1* proxy) const {
    zwp_relative_pointer_manager_v1_destroy(proxy);
}

void DestroyProxy::operator()(zwp_relative_pointer_v1* proxy) const {
    zwp_relative_pointer_v1_destroy(proxy);
}

void DestroyProxy::operator()(zwp_keyboard_shortcuts_inhibit_manager_v1* proxy) const {
    zwp_keyboard_shortcuts_inhibit_manager_v1_destroy(proxy);
}

void DestroyProxy::operator()(zwp_keyboard_shortcuts_inhibitor_v1* proxy) const {
    zwp_keyboard_shortcuts_inhibitor_v1_destroy(proxy);
}

}  // namespace viaduct::wayland
