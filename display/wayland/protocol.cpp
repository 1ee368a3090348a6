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

}  // namespace viaduct::wayland
