// The compositor's buffers: linux-dmabuf and linux-drm-syncobj.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <wayland-server.h>

#include <algorithm>
#include <cstring>

#include "blob/memfd.h"
#include "linux-dmabuf-server-protocol.h"
#include "linux-drm-syncobj-server-protocol.h"
#include "tests/support/compositor/compositor.h"

namespace viaduct::test {

namespace {

FileId id_of(int fd) {
    struct stat status {};
    EXPECT_EQ(::fstat(fd, &status), 0);
    return {status.st_dev, status.st_ino};
}

constexpr struct wl_buffer_interface kBuffer = {.destroy = destroy_resource};

// Parameters of a buffer, as they come in.
struct Params {
    Compositor* compositor;
    std::unique_ptr<ServerBuffer> buffer = std::make_unique<ServerBuffer>();
    bool used = false;
};

Params& params_of(wl_resource* resource) {
    return *static_cast<Params*>(wl_resource_get_user_data(resource));
}

void add(wl_client*, wl_resource* resource, int32_t fd, uint32_t index, uint32_t offset,
         uint32_t stride, uint32_t high, uint32_t low) {
    Params& params = params_of(resource);
    ServerBuffer& buffer = *params.buffer;
    UniqueFd memory(fd);
    const uint64_t modifier = uint64_t{high} << 32 | low;
    if (index != buffer.planes.size() || (index > 0 && modifier != buffer.modifier))
        return params.compositor->refuse(resource, 1, "planes out of order");
    buffer.modifier = modifier;
    buffer.planes.push_back({std::move(memory), {}, offset, stride});
    buffer.planes.back().file = id_of(buffer.planes.back().memory.get());
}

// As strict as wlroots and Weston: each of these ends the connection.
const char* fault_of(const Params& params) {
    const ServerBuffer& buffer = *params.buffer;
    if (buffer.width < 1 || buffer.height < 1) return "dimensions";
    if (buffer.planes.empty()) return "planes";
    const auto& tranches = params.compositor->offers.tranches;
    const bool advertised = std::ranges::any_of(tranches, [&](const auto& tranche) {
        return std::ranges::find(tranche.formats,
                                 wayland::FormatPair{buffer.fourcc, buffer.modifier}) !=
               tranche.formats.end();
    });
    if (!advertised) return "a format that was not advertised";
    for (const auto& plane : buffer.planes) {
        const uint64_t size = object_size(plane.memory.get()).value();
        const auto rows = static_cast<uint64_t>(&plane == &buffer.planes[0] ? buffer.height : 1);
        const uint64_t end = plane.offset + plane.stride * rows;
        if (plane.stride == 0 || end > size || end > UINT32_MAX) return "out of bounds";
    }
    return nullptr;
}

void finish(wl_resource* resource) {
    Params& params = params_of(resource);
    Compositor& compositor = *params.compositor;
    if (!compositor.accept_imports) return zwp_linux_buffer_params_v1_send_failed(resource);
    wl_resource* buffer =
        wl_resource_create(wl_resource_get_client(resource), &wl_buffer_interface, 1, 0);
    params.buffer->resource = buffer;
    wl_resource_set_implementation(buffer, &kBuffer, params.buffer.get(), [](wl_resource* gone) {
        static_cast<ServerBuffer*>(wl_resource_get_user_data(gone))->resource = nullptr;
    });
    compositor.buffers.push_back(std::move(params.buffer));
    zwp_linux_buffer_params_v1_send_created(resource, buffer);
}

void create(wl_client*, wl_resource* resource, int32_t width, int32_t height, uint32_t format,
            uint32_t flags) {
    Params& params = params_of(resource);
    ++params.compositor->imports;
    params.buffer->width = width;
    params.buffer->height = height;
    params.buffer->fourcc = format;
    EXPECT_EQ(flags, 0U);
    if (std::exchange(params.used, true))
        return params.compositor->refuse(resource, 0, "params used twice");
    if (const char* fault = fault_of(params))
        return params.compositor->refuse(resource, ZWP_LINUX_BUFFER_PARAMS_V1_ERROR_OUT_OF_BOUNDS,
                                         fault);
    if (params.compositor->hold_imports)
        params.compositor->held_imports.push_back(resource);
    else
        finish(resource);
}

constexpr struct zwp_linux_buffer_params_v1_interface kParams = {
    .destroy = destroy_resource,
    .add = add,
    .create = create,
    .create_immed =
        [](wl_client*, wl_resource* resource, uint32_t, int32_t, int32_t, uint32_t, uint32_t) {
            params_of(resource).compositor->refuse(resource, 7, "create_immed");
        },
};

void send_table(Compositor& compositor, wl_resource* feedback) {
    struct Row {
        uint32_t format, padding;
        uint64_t modifier;
    };
    std::vector<Row> rows;
    for (const auto& tranche : compositor.offers.tranches)
        for (const auto& pair : tranche.formats) rows.push_back({pair.fourcc, 0, pair.modifier});
    const size_t size = rows.size() * sizeof(Row);
    const auto table = create_sealed_memfd("format-table", std::max<size_t>(size, 1)).value();
    EXPECT_EQ(::pwrite(table.get(), rows.data(), size, 0), static_cast<ssize_t>(size));
    zwp_linux_dmabuf_feedback_v1_send_format_table(feedback, table.get(),
                                                   static_cast<uint32_t>(size));
    wl_array device{sizeof(dev_t), 0, &compositor.offers.main_device};
    zwp_linux_dmabuf_feedback_v1_send_main_device(feedback, &device);
    uint16_t row = 0;
    for (auto& tranche : compositor.offers.tranches) {
        wl_array target{sizeof(dev_t), 0, &tranche.device};
        zwp_linux_dmabuf_feedback_v1_send_tranche_target_device(feedback, &target);
        zwp_linux_dmabuf_feedback_v1_send_tranche_flags(feedback, tranche.scanout ? 1 : 0);
        std::vector<uint16_t> indices;
        for (size_t i = 0; i < tranche.formats.size(); ++i) indices.push_back(row++);
        wl_array array{indices.size() * sizeof(uint16_t), 0, indices.data()};
        zwp_linux_dmabuf_feedback_v1_send_tranche_formats(feedback, &array);
        zwp_linux_dmabuf_feedback_v1_send_tranche_done(feedback);
    }
    zwp_linux_dmabuf_feedback_v1_send_done(feedback);
}

void make_feedback(wl_client* client, wl_resource* resource, uint32_t id) {
    static constexpr struct zwp_linux_dmabuf_feedback_v1_interface kFeedback = {
        .destroy = destroy_resource};
    auto& compositor = compositor_of(wl_resource_get_user_data(resource));
    wl_resource* feedback = wl_resource_create(client, &zwp_linux_dmabuf_feedback_v1_interface,
                                               wl_resource_get_version(resource), id);
    wl_resource_set_implementation(feedback, &kFeedback, &compositor, [](wl_resource* gone) {
        std::erase(compositor_of(wl_resource_get_user_data(gone)).dmabuf_feedbacks, gone);
    });
    compositor.dmabuf_feedbacks.push_back(feedback);
    send_table(compositor, feedback);
}

constexpr struct zwp_linux_dmabuf_v1_interface kDmabuf = {
    .destroy = destroy_resource,
    .create_params =
        [](wl_client* client, wl_resource* resource, uint32_t id) {
            wl_resource* params = wl_resource_create(client, &zwp_linux_buffer_params_v1_interface,
                                                     wl_resource_get_version(resource), id);
            auto* data = new Params{static_cast<Compositor*>(wl_resource_get_user_data(resource))};
            wl_resource_set_implementation(params, &kParams, data, [](wl_resource* gone) {
                std::erase(params_of(gone).compositor->held_imports, gone);
                delete &params_of(gone);
            });
        },
    .get_default_feedback = make_feedback,
    .get_surface_feedback = [](wl_client* client, wl_resource* resource, uint32_t id,
                               wl_resource*) { make_feedback(client, resource, id); },
};

void bind_dmabuf(wl_client* client, void* data, uint32_t version, uint32_t id) {
    wl_resource* resource =
        wl_resource_create(client, &zwp_linux_dmabuf_v1_interface, static_cast<int>(version), id);
    wl_resource_set_implementation(resource, &kDmabuf, data, nullptr);
    if (version >= ZWP_LINUX_DMABUF_V1_GET_DEFAULT_FEEDBACK_SINCE_VERSION) return;
    for (const auto& tranche : compositor_of(data).offers.tranches)
        for (const auto& pair : tranche.formats)
            zwp_linux_dmabuf_v1_send_modifier(resource, pair.fourcc,
                                              static_cast<uint32_t>(pair.modifier >> 32),
                                              static_cast<uint32_t>(pair.modifier));
}

// linux-drm-syncobj

using Timeline = FileId;

void set_point(std::optional<ServerPoint>& point, wl_resource* timeline, uint32_t high,
               uint32_t low) {
    point = {*static_cast<Timeline*>(wl_resource_get_user_data(timeline)),
             uint64_t{high} << 32 | low};
}

constexpr struct wp_linux_drm_syncobj_timeline_v1_interface kTimeline = {.destroy =
                                                                             destroy_resource};

constexpr struct wp_linux_drm_syncobj_surface_v1_interface kSyncobjSurface = {
    .destroy = destroy_resource,
    .set_acquire_point =
        [](wl_client*, wl_resource* resource, wl_resource* timeline, uint32_t high, uint32_t low) {
            set_point(compositor_of(wl_resource_get_user_data(resource)).pending.acquire, timeline,
                      high, low);
        },
    .set_release_point =
        [](wl_client*, wl_resource* resource, wl_resource* timeline, uint32_t high, uint32_t low) {
            set_point(compositor_of(wl_resource_get_user_data(resource)).pending.release, timeline,
                      high, low);
        },
};

void get_syncobj_surface(wl_client* client, wl_resource* manager, uint32_t id, wl_resource*) {
    auto& compositor = compositor_of(wl_resource_get_user_data(manager));
    if (compositor.syncobj_surface) return compositor.refuse(manager, 0, "surface exists");
    ++compositor.syncobj_surfaces;
    compositor.syncobj_surface =
        wl_resource_create(client, &wp_linux_drm_syncobj_surface_v1_interface, 1, id);
    wl_resource_set_implementation(
        compositor.syncobj_surface, &kSyncobjSurface, &compositor, [](wl_resource* gone) {
            compositor_of(wl_resource_get_user_data(gone)).syncobj_surface = nullptr;
        });
}

constexpr struct wp_linux_drm_syncobj_manager_v1_interface kManager = {
    .destroy = destroy_resource,
    .get_surface = get_syncobj_surface,
    .import_timeline =
        [](wl_client* client, wl_resource* manager, uint32_t id, int32_t fd) {
            const UniqueFd owned(fd);
            auto& compositor = compositor_of(wl_resource_get_user_data(manager));
            ++compositor.timelines;
            if (!compositor.offers.takes_timelines)
                return compositor.refuse(manager, 1, "not a timeline");
            wl_resource* timeline =
                wl_resource_create(client, &wp_linux_drm_syncobj_timeline_v1_interface, 1, id);
            wl_resource_set_implementation(
                timeline, &kTimeline, new Timeline(id_of(fd)), [](wl_resource* gone) {
                    delete static_cast<Timeline*>(wl_resource_get_user_data(gone));
                });
        },
};

void bind_manager(wl_client* client, void* data, uint32_t, uint32_t id) {
    wl_resource* resource =
        wl_resource_create(client, &wp_linux_drm_syncobj_manager_v1_interface, 1, id);
    wl_resource_set_implementation(resource, &kManager, data, nullptr);
}

}  // namespace

ServerBuffer* dmabuf_of(wl_resource* buffer) {
    if (!wl_resource_instance_of(buffer, &wl_buffer_interface, &kBuffer)) return nullptr;
    return static_cast<ServerBuffer*>(wl_resource_get_user_data(buffer));
}

void Compositor::answer_import() {
    wl_resource* params = held_imports.front();
    held_imports.pop_front();
    finish(params);
}

void Compositor::send_feedback(const std::vector<wayland::Tranche>& tranches) {
    offers.tranches = tranches;
    for (wl_resource* feedback : dmabuf_feedbacks) send_table(*this, feedback);
}

void offer_buffers(Compositor& compositor) {
    if (compositor.offers.dmabuf)
        wl_global_create(compositor.display, &zwp_linux_dmabuf_v1_interface,
                         compositor.offers.dmabuf, &compositor, bind_dmabuf);
    if (compositor.offers.syncobj)
        wl_global_create(compositor.display, &wp_linux_drm_syncobj_manager_v1_interface, 1,
                         &compositor, bind_manager);
}

}  // namespace viaduct::test
