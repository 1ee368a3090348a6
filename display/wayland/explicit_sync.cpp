#include "display/wayland/explicit_sync.h"

namespace viaduct::wayland {

namespace {

uint32_t high(uint64_t point) {
    return static_cast<uint32_t>(point >> 32);
}

uint32_t low(uint64_t point) {
    return static_cast<uint32_t>(point);
}

}  // namespace

// Two for each buffer: a compositor may let buffers go in any order, and the points of a timeline
// signal one after the other.
Status ExplicitSync::make_timelines(Buffer& buffer) {
    if (buffer.release_handle) return {};
    auto acquire = device_->create_timeline();
    if (!acquire) return tl::unexpected(acquire.error());
    auto release = device_->create_timeline();
    if (!release) return tl::unexpected(release.error());
    timeline_sent_ = true;
    buffer.acquire_handle.reset(
        wp_linux_drm_syncobj_manager_v1_import_timeline(manager_, (*acquire)->fd()));
    buffer.release_handle.reset(
        wp_linux_drm_syncobj_manager_v1_import_timeline(manager_, (*release)->fd()));
    buffer.acquire = *std::move(acquire);
    buffer.release = *std::move(release);
    return {};
}

Status ExplicitSync::prepare(Buffer& buffer, int fence) {
    if (const auto status = make_timelines(buffer); !status) return status;
    return buffer.acquire->set_point(buffer.last_point + 1, fence);
}

Result<UniqueFd> ExplicitSync::set_points(Buffer& buffer) {
    const uint64_t point = buffer.last_point + 1;
    auto released = buffer.release->event_at(point);
    if (!released) return released;
    if (!surface_sync_)
        surface_sync_.reset(wp_linux_drm_syncobj_manager_v1_get_surface(manager_, surface_));
    buffer.last_point = point;
    points_set_ = true;
    wp_linux_drm_syncobj_surface_v1_set_acquire_point(
        surface_sync_.get(), buffer.acquire_handle.get(), high(point), low(point));
    wp_linux_drm_syncobj_surface_v1_set_release_point(
        surface_sync_.get(), buffer.release_handle.get(), high(point), low(point));
    return released;
}

}  // namespace viaduct::wayland
