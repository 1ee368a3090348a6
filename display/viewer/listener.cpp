#include "display/viewer/listener.h"

#include <drm_fourcc.h>

#include <cstring>

#include "base/log.h"
#include "display/viewer/pixman_format.h"

namespace viaduct::viewer {

namespace {

constexpr char kPath[] = "/org/qemu/Display1/Listener";
constexpr char kInterface[] = "org.qemu.Display1.Listener";
constexpr char kDmabuf2[] = "org.qemu.Display1.Listener.Unix.ScanoutDMABUF2";
constexpr char kMap[] = "org.qemu.Display1.Listener.Unix.Map";
// More planes than any format has are the end of a message's list.
constexpr size_t kMaxPlanes = 4;

int refuse(sd_bus_message* message, const Error& error) {
    return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_INVALID_ARGS, "%s",
                                      error.message.c_str());
}

int answer(sd_bus_message* message, const Status& status) {
    return status ? sd_bus_reply_method_return(message, "") : refuse(message, status.error());
}

// The message keeps its own descriptor.
bool take_fd(Picture& picture, int fd) {
    picture.buffers.push_back(UniqueFd::duplicate_of(fd));
    return picture.buffers.back().valid();
}

int read_fds(sd_bus_message* message, Picture& picture) {
    int error = sd_bus_message_enter_container(message, SD_BUS_TYPE_ARRAY, "h");
    if (error < 0) return error;
    int fd = -1;
    while ((error = sd_bus_message_read_basic(message, SD_BUS_TYPE_UNIX_FD, &fd)) > 0) {
        if (picture.buffers.size() == kMaxPlanes) return -EINVAL;
        if (!take_fd(picture, fd)) return -EMFILE;
    }
    return error < 0 ? error : sd_bus_message_exit_container(message);
}

int read_numbers(sd_bus_message* message, std::vector<uint32_t>& numbers) {
    const void* data = nullptr;
    size_t size = 0;
    const int error = sd_bus_message_read_array(message, SD_BUS_TYPE_UINT32, &data, &size);
    if (error < 0) return error;
    if (size / sizeof(uint32_t) > kMaxPlanes) return -EINVAL;
    numbers.resize(size / sizeof(uint32_t));
    if (size > 0) std::memcpy(numbers.data(), data, size);
    return 0;
}

int read_bytes(sd_bus_message* message, std::span<const std::byte>& bytes) {
    const void* data = nullptr;
    size_t size = 0;
    const int error = sd_bus_message_read_array(message, SD_BUS_TYPE_BYTE, &data, &size);
    if (error < 0) return error;
    bytes = {static_cast<const std::byte*>(data), size};
    return 0;
}

}  // namespace

/// A handler per method. A negative errno becomes an error reply.
struct ListenerMethods {
    static Listener& self(void* data) { return *static_cast<Listener*>(data); }

    static int scanout(sd_bus_message* message, void* data, sd_bus_error*) {
        Pixels pixels;
        if (const int error = sd_bus_message_read(message, "uuuu", &pixels.width, &pixels.height,
                                                  &pixels.stride, &pixels.pixman_format);
            error < 0)
            return error;
        if (const int error = read_bytes(message, pixels.bytes); error < 0) return error;
        return answer(message, self(data).events_.scanout(pixels));
    }

    static int update(sd_bus_message* message, void* data, sd_bus_error*) {
        Pixels pixels;
        int32_t x = 0;
        int32_t y = 0;
        if (const int error =
                sd_bus_message_read(message, "iiiiuu", &x, &y, &pixels.width, &pixels.height,
                                    &pixels.stride, &pixels.pixman_format);
            error < 0)
            return error;
        if (const int error = read_bytes(message, pixels.bytes); error < 0) return error;
        return answer(message, self(data).events_.pixels_changed(x, y, pixels));
    }

    // QEMU up to 10.0 sends 0 for what has an unknown layout; 0 would be LINEAR.
    static int scanout_dmabuf(sd_bus_message* message, void* data, sd_bus_error*) {
        Picture picture;
        picture.strides.resize(1);
        int fd = -1;
        int bottom_up = 0;
        if (const int error = sd_bus_message_read(message, "huuuutb", &fd, &picture.width,
                                                  &picture.height, picture.strides.data(),
                                                  &picture.fourcc, &picture.modifier, &bottom_up);
            error < 0)
            return error;
        if (!take_fd(picture, fd)) return -EMFILE;
        picture.backing_width = picture.width;
        picture.backing_height = picture.height;
        if (picture.modifier == DRM_FORMAT_MOD_LINEAR) picture.modifier = DRM_FORMAT_MOD_INVALID;
        picture.bottom_up = bottom_up != 0;
        return answer(message, self(data).events_.scanout(std::move(picture)));
    }

    static int scanout_dmabuf2(sd_bus_message* message, void* data, sd_bus_error*) {
        Picture picture;
        uint32_t num_planes = 0;
        int bottom_up = 0;
        int error = read_fds(message, picture);
        if (error >= 0)
            error = sd_bus_message_read(message, "uuuu", &picture.x, &picture.y, &picture.width,
                                        &picture.height);
        if (error >= 0) error = read_numbers(message, picture.offsets);
        if (error >= 0) error = read_numbers(message, picture.strides);
        if (error >= 0)
            error = sd_bus_message_read(message, "uuuutb", &num_planes, &picture.fourcc,
                                        &picture.backing_width, &picture.backing_height,
                                        &picture.modifier, &bottom_up);
        if (error < 0) return error;
        // The lists may have room for more planes than there are.
        if (picture.strides.size() > num_planes) picture.strides.resize(num_planes);
        picture.bottom_up = bottom_up != 0;
        return answer(message, self(data).events_.scanout(std::move(picture)));
    }

    static int scanout_map(sd_bus_message* message, void* data, sd_bus_error*) {
        Picture picture;
        picture.offsets.resize(1);
        picture.strides.resize(1);
        int fd = -1;
        uint32_t format = 0;
        if (const int error =
                sd_bus_message_read(message, "huuuuu", &fd, picture.offsets.data(), &picture.width,
                                    &picture.height, picture.strides.data(), &format);
            error < 0)
            return error;
        if (!take_fd(picture, fd)) return -EMFILE;
        picture.backing_width = picture.width;
        picture.backing_height = picture.height;
        picture.fourcc = fourcc_of_pixman(format);
        picture.modifier = DRM_FORMAT_MOD_LINEAR;
        // A udmabuf is shown without a copy.
        picture.plain_memory = !Frame::importable(picture.buffers[0].get());
        return answer(message, self(data).events_.scanout(std::move(picture)));
    }

    // The message lives until it is answered.
    static int update_dmabuf(sd_bus_message* message, void* data, sd_bus_error*) {
        FrameRect damage;
        if (const int error = sd_bus_message_read(message, "iiii", &damage.x, &damage.y,
                                                  &damage.width, &damage.height);
            error < 0)
            return error;
        const std::shared_ptr<sd_bus_message> call(sd_bus_message_ref(message), UnrefBus());
        self(data).events_.update(damage, [call] { sd_bus_reply_method_return(call.get(), ""); });
        return 1;
    }

    static int update_map(sd_bus_message* message, void* data, sd_bus_error*) {
        FrameRect damage;
        if (const int error = sd_bus_message_read(message, "iiii", &damage.x, &damage.y,
                                                  &damage.width, &damage.height);
            error < 0)
            return error;
        self(data).events_.update(damage, {});
        return sd_bus_reply_method_return(message, "");
    }

    static int disable(sd_bus_message* message, void* data, sd_bus_error*) {
        self(data).events_.disable();
        return sd_bus_reply_method_return(message, "");
    }

    // The position is for viewers that draw the cursor themselves.
    static int mouse_set(sd_bus_message* message, void* data, sd_bus_error*) {
        int32_t x = 0;
        int32_t y = 0;
        int32_t on = 0;
        if (const int error = sd_bus_message_read(message, "iii", &x, &y, &on); error < 0)
            return error;
        self(data).events_.cursor_set(on != 0);
        return sd_bus_reply_method_return(message, "");
    }

    static int cursor_define(sd_bus_message* message, void* data, sd_bus_error*) {
        int32_t width = 0;
        int32_t height = 0;
        int32_t hot_x = 0;
        int32_t hot_y = 0;
        std::span<const std::byte> bytes;
        if (const int error = sd_bus_message_read(message, "iiii", &width, &height, &hot_x, &hot_y);
            error < 0)
            return error;
        if (const int error = read_bytes(message, bytes); error < 0) return error;
        auto cursor = wayland::check_cursor(width, height, hot_x, hot_y, bytes);
        if (!cursor) {
            log_guest(LogLevel::kWarning, "{}", cursor.error().message);
            return refuse(message, cursor.error());
        }
        self(data).events_.cursor_defined(*std::move(cursor));
        return sd_bus_reply_method_return(message, "");
    }

    static int interfaces(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply,
                          void*, sd_bus_error*) {
        return sd_bus_message_append(reply, "as", 2, kDmabuf2, kMap);
    }
};

namespace {

// Only QEMU is at the other end, and it has no bus name whose privileges could be looked up.
constexpr uint64_t kFree = SD_BUS_VTABLE_UNPRIVILEGED;
using Methods = ListenerMethods;

const sd_bus_vtable kListenerTable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Scanout", "uuuuay", "", Methods::scanout, kFree),
    SD_BUS_METHOD("Update", "iiiiuuay", "", Methods::update, kFree),
    SD_BUS_METHOD("ScanoutDMABUF", "huuuutb", "", Methods::scanout_dmabuf, kFree),
    SD_BUS_METHOD("UpdateDMABUF", "iiii", "", Methods::update_dmabuf, kFree),
    SD_BUS_METHOD("Disable", "", "", Methods::disable, kFree),
    SD_BUS_METHOD("MouseSet", "iii", "", Methods::mouse_set, kFree),
    SD_BUS_METHOD("CursorDefine", "iiiiay", "", Methods::cursor_define, kFree),
    SD_BUS_PROPERTY("Interfaces", "as", Methods::interfaces, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_VTABLE_END,
};

const sd_bus_vtable kDmabuf2Table[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("ScanoutDMABUF2", "ahuuuuauauuuuutb", "", Methods::scanout_dmabuf2, kFree),
    SD_BUS_VTABLE_END,
};

const sd_bus_vtable kMapTable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("ScanoutMap", "huuuuu", "", Methods::scanout_map, kFree),
    SD_BUS_METHOD("UpdateMap", "iiii", "", Methods::update_map, kFree),
    SD_BUS_VTABLE_END,
};

}  // namespace

Result<std::unique_ptr<Listener>> Listener::serve(UniqueFd socket, wayland::Watches& watches,
                                                  ListenerEvents& events) {
    auto bus = Bus::adopt(std::move(socket), watches);
    if (!bus) return tl::unexpected(bus.error());
    std::unique_ptr<Listener> listener(new Listener(*std::move(bus), events));
    if (const auto status = listener->add_objects(); !status) return tl::unexpected(status.error());
    return listener;
}

Status Listener::add_objects() {
    const struct {
        const char* interface;
        const sd_bus_vtable* table;
    } kTables[] = {{kInterface, kListenerTable}, {kDmabuf2, kDmabuf2Table}, {kMap, kMapTable}};
    for (size_t i = 0; i < std::size(kTables); ++i) {
        sd_bus_slot* slot = nullptr;
        const int error = sd_bus_add_object_vtable(bus_->get(), &slot, kPath, kTables[i].interface,
                                                   kTables[i].table, this);
        if (error < 0)
            return fail(-error, "cannot serve {}: {}", kTables[i].interface, std::strerror(-error));
        objects_[i].reset(slot);
    }
    return {};
}

}  // namespace viaduct::viewer
