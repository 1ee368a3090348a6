#include "tests/support/qemu_display/qemu_display.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace viaduct::test {

namespace {

constexpr char kProperties[] = "org.freedesktop.DBus.Properties";

PeerBus serve(UniqueFd socket) {
    sd_bus* bus = nullptr;
    EXPECT_GE(sd_bus_new(&bus), 0);
    const int fd = socket.release();
    EXPECT_GE(sd_bus_set_fd(bus, fd, fd), 0);
    sd_id128_t id;
    EXPECT_GE(sd_id128_randomize(&id), 0);
    EXPECT_GE(sd_bus_set_server(bus, 1, id), 0);
    EXPECT_GE(sd_bus_negotiate_fds(bus, 1), 0);
    return PeerBus(bus);
}

bool process(sd_bus* bus) {
    for (;;) {
        const int progress = sd_bus_process(bus, nullptr);
        if (progress < 0 || sd_bus_is_open(bus) <= 0) return false;
        if (progress == 0) return true;
    }
}

}  // namespace

/// The methods that the viewer calls.
struct QemuMethods {
    using Console = QemuDisplay::Console;
    static Console& of(void* data) { return *static_cast<Console*>(data); }

    static int note(sd_bus_message* message, void* data, const std::string& arguments) {
        Console& console = of(data);
        console.display->calls.push_back(std::to_string(console.id) + " " +
                                         sd_bus_message_get_member(message) + arguments);
        return sd_bus_reply_method_return(message, "");
    }

    static int number(sd_bus_message* message, void* data, sd_bus_error*) {
        uint32_t value = 0;
        EXPECT_GT(sd_bus_message_read(message, "u", &value), 0);
        return note(message, data, " " + std::to_string(value));
    }

    // QEMU's ui/dbus-console.c: not of this kind of pointer is an error.
    static int position(sd_bus_message* message, void* data, sd_bus_error*) {
        uint32_t x = 0;
        uint32_t y = 0;
        EXPECT_GT(sd_bus_message_read(message, "uu", &x, &y), 0);
        EXPECT_TRUE(of(data).absolute);
        return note(message, data, " " + std::to_string(x) + "," + std::to_string(y));
    }

    static int motion(sd_bus_message* message, void* data, sd_bus_error*) {
        int32_t dx = 0;
        int32_t dy = 0;
        EXPECT_GT(sd_bus_message_read(message, "ii", &dx, &dy), 0);
        EXPECT_FALSE(of(data).absolute);
        return note(message, data, " " + std::to_string(dx) + "," + std::to_string(dy));
    }

    static int touch(sd_bus_message* message, void* data, sd_bus_error*) {
        uint32_t kind = 0;
        uint64_t slot = 0;
        double x = 0;
        double y = 0;
        EXPECT_GT(sd_bus_message_read(message, "utdd", &kind, &slot, &x, &y), 0);
        return note(message, data,
                    " " + std::to_string(kind) + " " + std::to_string(slot) + " " +
                        std::to_string(static_cast<int>(x)) + "," +
                        std::to_string(static_cast<int>(y)));
    }

    static int set_ui_info(sd_bus_message* message, void* data, sd_bus_error*) {
        uint16_t mm[2] = {};
        int32_t offset[2] = {};
        uint32_t size[2] = {};
        EXPECT_GT(sd_bus_message_read(message, "qqiiuu", &mm[0], &mm[1], &offset[0], &offset[1],
                                      &size[0], &size[1]),
                  0);
        return note(message, data, " " + std::to_string(size[0]) + "x" + std::to_string(size[1]));
    }

    // QEMU replies, and then waits for the handshake in its main loop.
    static int register_listener(sd_bus_message* message, void* data, sd_bus_error*) {
        int fd = -1;
        EXPECT_GT(sd_bus_message_read(message, "h", &fd), 0);
        UniqueFd socket = UniqueFd::duplicate_of(fd);
        const int sent = sd_bus_reply_method_return(message, "");
        of(data).listener = std::make_unique<QemuListener>(std::move(socket));
        return sent;
    }

    static int text(sd_bus*, const char*, const char*, const char* property, sd_bus_message* reply,
                    void* data, sd_bus_error*) {
        const std::string_view name = property;
        const Console& console = of(data);
        return sd_bus_message_append(reply, "s",
                                     name == "Type"    ? console.display->type.c_str()
                                     : name == "Label" ? "VGA"
                                                       : "");
    }

    static int head(sd_bus*, const char*, const char*, const char* property, sd_bus_message* reply,
                    void* data, sd_bus_error*) {
        const std::string_view name = property;
        return sd_bus_message_append(reply, "u",
                                     name == "Head"    ? of(data).id
                                     : name == "Width" ? 640U
                                                       : 480U);
    }

    static int absolute(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply,
                        void* data, sd_bus_error*) {
        return sd_bus_message_append(reply, "b", static_cast<int>(of(data).absolute));
    }

    static int vm_text(sd_bus*, const char*, const char*, const char* property,
                       sd_bus_message* reply, void* data, sd_bus_error*) {
        const auto& display = *static_cast<QemuDisplay*>(data);
        return sd_bus_message_append(
            reply, "s", std::string_view(property) == "Name" ? display.name.c_str() : "0-0-0");
    }

    static int vm_consoles(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply,
                           void* data, sd_bus_error*) {
        std::vector<uint32_t> ids;
        for (const auto& [id, console] : static_cast<QemuDisplay*>(data)->consoles_)
            ids.push_back(id);
        return sd_bus_message_append_array(reply, 'u', ids.data(), ids.size() * sizeof(uint32_t));
    }
};

namespace {

constexpr uint64_t kFree = SD_BUS_VTABLE_UNPRIVILEGED;
using Methods = QemuMethods;

const sd_bus_vtable kVm[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_PROPERTY("Name", "s", Methods::vm_text, 0, 0),
    SD_BUS_PROPERTY("UUID", "s", Methods::vm_text, 0, 0),
    SD_BUS_PROPERTY("ConsoleIDs", "au", Methods::vm_consoles, 0, 0),
    SD_BUS_VTABLE_END,
};
const sd_bus_vtable kConsole[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("RegisterListener", "h", "", Methods::register_listener, kFree),
    SD_BUS_METHOD("SetUIInfo", "qqiiuu", "", Methods::set_ui_info, kFree),
    SD_BUS_PROPERTY("Label", "s", Methods::text, 0, 0),
    SD_BUS_PROPERTY("Type", "s", Methods::text, 0, 0),
    SD_BUS_PROPERTY("DeviceAddress", "s", Methods::text, 0, 0),
    SD_BUS_PROPERTY("Head", "u", Methods::head, 0, 0),
    SD_BUS_PROPERTY("Width", "u", Methods::head, 0, 0),
    SD_BUS_PROPERTY("Height", "u", Methods::head, 0, 0),
    SD_BUS_VTABLE_END,
};
const sd_bus_vtable kKeyboard[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Press", "u", "", Methods::number, kFree),
    SD_BUS_METHOD("Release", "u", "", Methods::number, kFree),
    SD_BUS_VTABLE_END,
};
const sd_bus_vtable kMouse[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Press", "u", "", Methods::number, kFree),
    SD_BUS_METHOD("Release", "u", "", Methods::number, kFree),
    SD_BUS_METHOD("SetAbsPosition", "uu", "", Methods::position, kFree),
    SD_BUS_METHOD("RelMotion", "ii", "", Methods::motion, kFree),
    SD_BUS_PROPERTY("IsAbsolute", "b", Methods::absolute, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_VTABLE_END,
};
const sd_bus_vtable kMultiTouch[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("SendEvent", "utdd", "", Methods::touch, kFree),
    SD_BUS_VTABLE_END,
};

std::string path_of(uint32_t console) {
    return "/org/qemu/Display1/Console_" + std::to_string(console);
}

}  // namespace

QemuDisplay::QemuDisplay(uint32_t consoles) {
    for (uint32_t id = 0; id < consoles; ++id) consoles_[id] = {this, id, true, nullptr};
}

QemuDisplay::~QemuDisplay() = default;

UniqueFd QemuDisplay::connect() {
    slots_.clear();
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    bus_ = serve(UniqueFd(ends[0]));
    const auto add = [this](const std::string& path, const char* interface,
                            const sd_bus_vtable* table, void* data) {
        sd_bus_slot* slot = nullptr;
        EXPECT_GE(sd_bus_add_object_vtable(bus_.get(), &slot, path.c_str(), interface, table, data),
                  0);
        slots_.emplace_back(slot);
    };
    add("/org/qemu/Display1/VM", "org.qemu.Display1.VM", kVm, this);
    for (auto& [id, console] : consoles_) {
        add(path_of(id), "org.qemu.Display1.Console", kConsole, &console);
        add(path_of(id), "org.qemu.Display1.Keyboard", kKeyboard, &console);
        add(path_of(id), "org.qemu.Display1.Mouse", kMouse, &console);
        add(path_of(id), "org.qemu.Display1.MultiTouch", kMultiTouch, &console);
    }
    add_clipboard();
    EXPECT_GE(sd_bus_start(bus_.get()), 0);
    return UniqueFd(ends[1]);
}

void QemuDisplay::turn() {
    if (bus_ && !process(bus_.get())) quit();
    for (auto& [id, console] : consoles_)
        if (console.listener) console.listener->turn();
}

void QemuDisplay::quit() {
    requests_.clear();
    requests = 0;
    for (auto& [id, console] : consoles_) console.listener.reset();
    slots_.clear();
    bus_.reset();
}

QemuListener* QemuDisplay::listener(uint32_t console) {
    return consoles_.at(console).listener.get();
}

void QemuDisplay::set_absolute(uint32_t console, bool absolute) {
    consoles_.at(console).absolute = absolute;
    EXPECT_GE(sd_bus_emit_properties_changed(bus_.get(), path_of(console).c_str(),
                                             "org.qemu.Display1.Mouse", "IsAbsolute", nullptr),
              0);
}

// QemuListener

QemuListener::QemuListener(UniqueFd socket) : bus_(serve(std::move(socket))) {
    EXPECT_GE(sd_bus_start(bus_.get()), 0);
    EXPECT_GE(sd_bus_call_method_async(bus_.get(), nullptr, nullptr, "/org/qemu/Display1/Listener",
                                       kProperties, "GetAll", got_all, this, "s",
                                       "org.qemu.Display1.Listener"),
              0);
}

void QemuListener::turn() {
    if (!closed && !process(bus_.get())) closed = true;
}

int QemuListener::got_all(sd_bus_message* reply, void* self, sd_bus_error*) {
    auto& listener = *static_cast<QemuListener*>(self);
    listener.ready_ = true;
    if (sd_bus_message_is_method_error(reply, nullptr)) return 0;
    EXPECT_GT(sd_bus_message_enter_container(reply, 'a', "{sv}"), 0);
    while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
        const char* name = nullptr;
        EXPECT_GT(sd_bus_message_read(reply, "s", &name), 0);
        EXPECT_STREQ(name, "Interfaces");
        EXPECT_GT(sd_bus_message_enter_container(reply, 'v', "as"), 0);
        EXPECT_GT(sd_bus_message_enter_container(reply, 'a', "s"), 0);
        const char* interface = nullptr;
        while (sd_bus_message_read(reply, "s", &interface) > 0)
            listener.interfaces.emplace_back(interface);
        sd_bus_message_exit_container(reply);
        sd_bus_message_exit_container(reply);
        sd_bus_message_exit_container(reply);
    }
    return 0;
}

int QemuListener::answered(sd_bus_message* reply, void* self, sd_bus_error*) {
    auto& listener = *static_cast<QemuListener*>(self);
    if (const sd_bus_error* error = sd_bus_message_get_error(reply)) {
        ++listener.errors;
        listener.last_error = error->message ? error->message : "";
    }
    return 0;
}

int QemuListener::updated(sd_bus_message* reply, void* self, sd_bus_error* error) {
    ++static_cast<QemuListener*>(self)->update_replies;
    return answered(reply, self, error);
}

sd_bus_message* QemuListener::call(const char* interface, const char* method) {
    sd_bus_message* message = nullptr;
    EXPECT_GE(sd_bus_message_new_method_call(bus_.get(), &message, nullptr,
                                             "/org/qemu/Display1/Listener", interface, method),
              0);
    return message;
}

void QemuListener::send(sd_bus_message* message, sd_bus_message_handler_t reply) {
    EXPECT_GE(sd_bus_call_async(bus_.get(), nullptr, message, reply, this, 0), 0);
    sd_bus_message_unref(message);
}

namespace {

constexpr char kListener[] = "org.qemu.Display1.Listener";
constexpr char kMap[] = "org.qemu.Display1.Listener.Unix.Map";
constexpr char kDmabuf2[] = "org.qemu.Display1.Listener.Unix.ScanoutDMABUF2";

}  // namespace

void QemuListener::scanout_dmabuf(int fd, uint32_t width, uint32_t height, uint32_t stride,
                                  uint32_t fourcc, uint64_t modifier, bool y0_top) {
    sd_bus_message* message = call(kListener, "ScanoutDMABUF");
    EXPECT_GE(sd_bus_message_append(message, "huuuutb", fd, width, height, stride, fourcc, modifier,
                                    static_cast<int>(y0_top)),
              0);
    send(message, answered);
}

void QemuListener::scanout_dmabuf2(const Dmabuf2& scanout) {
    sd_bus_message* message = call(kDmabuf2, "ScanoutDMABUF2");
    EXPECT_GE(sd_bus_message_open_container(message, 'a', "h"), 0);
    for (const int fd : scanout.fds) EXPECT_GE(sd_bus_message_append(message, "h", fd), 0);
    EXPECT_GE(sd_bus_message_close_container(message), 0);
    EXPECT_GE(
        sd_bus_message_append(message, "uuuu", scanout.x, scanout.y, scanout.width, scanout.height),
        0);
    for (const auto* numbers : {&scanout.offsets, &scanout.strides})
        EXPECT_GE(sd_bus_message_append_array(message, 'u', numbers->data(),
                                              numbers->size() * sizeof(uint32_t)),
                  0);
    EXPECT_GE(sd_bus_message_append(message, "uuuutb", scanout.num_planes, scanout.fourcc,
                                    scanout.backing_width, scanout.backing_height, scanout.modifier,
                                    static_cast<int>(scanout.y0_top)),
              0);
    send(message, answered);
}

void QemuListener::update_dmabuf(int32_t x, int32_t y, int32_t width, int32_t height) {
    ++updates;
    sd_bus_message* message = call(kListener, "UpdateDMABUF");
    EXPECT_GE(sd_bus_message_append(message, "iiii", x, y, width, height), 0);
    send(message, updated);
}

void QemuListener::scanout_map(int fd, uint32_t offset, uint32_t width, uint32_t height,
                               uint32_t stride, uint32_t pixman_format) {
    sd_bus_message* message = call(kMap, "ScanoutMap");
    EXPECT_GE(
        sd_bus_message_append(message, "huuuuu", fd, offset, width, height, stride, pixman_format),
        0);
    send(message, answered);
}

void QemuListener::update_map(int32_t x, int32_t y, int32_t width, int32_t height) {
    sd_bus_message* message = call(kMap, "UpdateMap");
    EXPECT_GE(sd_bus_message_append(message, "iiii", x, y, width, height), 0);
    send(message, answered);
}

void QemuListener::scanout(uint32_t width, uint32_t height, uint32_t stride, uint32_t pixman_format,
                           const std::vector<uint8_t>& bytes) {
    sd_bus_message* message = call(kListener, "Scanout");
    EXPECT_GE(sd_bus_message_append(message, "uuuu", width, height, stride, pixman_format), 0);
    EXPECT_GE(sd_bus_message_append_array(message, 'y', bytes.data(), bytes.size()), 0);
    send(message, answered);
}

void QemuListener::update(int32_t x, int32_t y, int32_t width, int32_t height, uint32_t stride,
                          uint32_t pixman_format, const std::vector<uint8_t>& bytes) {
    sd_bus_message* message = call(kListener, "Update");
    EXPECT_GE(sd_bus_message_append(message, "iiiiuu", x, y, width, height, stride, pixman_format),
              0);
    EXPECT_GE(sd_bus_message_append_array(message, 'y', bytes.data(), bytes.size()), 0);
    send(message, answered);
}

void QemuListener::disable() {
    send(call(kListener, "Disable"), answered);
}

void QemuListener::mouse_set(int32_t x, int32_t y, int32_t on) {
    sd_bus_message* message = call(kListener, "MouseSet");
    EXPECT_GE(sd_bus_message_append(message, "iii", x, y, on), 0);
    send(message, answered);
}

void QemuListener::cursor_define(int32_t width, int32_t height, int32_t hot_x, int32_t hot_y,
                                 const std::vector<uint8_t>& bytes) {
    sd_bus_message* message = call(kListener, "CursorDefine");
    EXPECT_GE(sd_bus_message_append(message, "iiii", width, height, hot_x, hot_y), 0);
    EXPECT_GE(sd_bus_message_append_array(message, 'y', bytes.data(), bytes.size()), 0);
    send(message, answered);
}

}  // namespace viaduct::test
