#include "display/viewer/console.h"

#include <cstring>

#include "base/log.h"

namespace viaduct::viewer {

namespace {

constexpr char kConsole[] = "org.qemu.Display1.Console";
constexpr char kKeyboard[] = "org.qemu.Display1.Keyboard";
constexpr char kMouse[] = "org.qemu.Display1.Mouse";
constexpr char kMultiTouch[] = "org.qemu.Display1.MultiTouch";
constexpr char kProperties[] = "org.freedesktop.DBus.Properties";

// At 96 dots per inch, which is what guests scale to 100 %.
uint16_t millimetres(uint32_t pixels) {
    return static_cast<uint16_t>(std::min<uint64_t>(uint64_t{pixels} * 254 / 960, UINT16_MAX));
}

int read_string(sd_bus_message* message, std::string& to) {
    const char* text = nullptr;
    const int error = sd_bus_message_read(message, "v", "s", &text);
    if (error > 0) to = sanitise(text);
    return error;
}

int read_number(sd_bus_message* message, uint32_t& to) {
    return sd_bus_message_read(message, "v", "u", &to);
}

}  // namespace

int read_properties(sd_bus_message* message,
                    const std::function<int(const char* name, sd_bus_message*)>& value) {
    int error = sd_bus_message_enter_container(message, SD_BUS_TYPE_ARRAY, "{sv}");
    if (error < 0) return error;
    while ((error = sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, "sv")) > 0) {
        const char* name = nullptr;
        if ((error = sd_bus_message_read_basic(message, SD_BUS_TYPE_STRING, &name)) < 0)
            return error;
        error = value(name, message);
        if (error == 0) error = sd_bus_message_skip(message, "v");
        if (error < 0) return error;
        if ((error = sd_bus_message_exit_container(message)) < 0) return error;
    }
    return error < 0 ? error : sd_bus_message_exit_container(message);
}

struct ConsoleReplies {
    static Console& self(void* data) { return *static_cast<Console*>(data); }

    static int info(sd_bus_message* reply, void* data, sd_bus_error*) {
        auto& events = self(data).events_;
        if (const sd_bus_error* error = sd_bus_message_get_error(reply)) {
            events.info(fail(EIO, "console {}: {}", self(data).id_, error_text(*error)));
            return 0;
        }
        ConsoleInfo info;
        const int error =
            read_properties(reply, [&](const std::string_view name, sd_bus_message* message) {
                if (name == "Label") return read_string(message, info.label);
                if (name == "Type") return read_string(message, info.type);
                if (name == "Head") return read_number(message, info.head);
                if (name == "Width") return read_number(message, info.width);
                if (name == "Height") return read_number(message, info.height);
                return 0;
            });
        if (error < 0)
            events.info(fail(-error, "console {} has properties of unknown types", self(data).id_));
        else
            events.info(info);
        return 0;
    }

    // Of the Mouse: in a reply to GetAll, and at the place of a signal's second argument.
    static void pointer(sd_bus_message* message, Console& console) {
        int absolute = -1;
        const int error =
            read_properties(message, [&](const std::string_view name, sd_bus_message* value) {
                return name == "IsAbsolute" ? sd_bus_message_read(value, "v", "b", &absolute) : 0;
            });
        if (error >= 0 && absolute >= 0) console.events_.pointer_kind(absolute != 0);
    }

    static int mouse(sd_bus_message* reply, void* data, sd_bus_error*) {
        if (!sd_bus_message_is_method_error(reply, nullptr)) pointer(reply, self(data));
        return 0;
    }

    static int changed(sd_bus_message* signal, void* data, sd_bus_error*) {
        const char* interface = nullptr;
        if (sd_bus_message_read_basic(signal, SD_BUS_TYPE_STRING, &interface) > 0 &&
            std::strcmp(interface, kMouse) == 0)
            pointer(signal, self(data));
        return 0;
    }

    static int registered(sd_bus_message* reply, void* data, sd_bus_error*) {
        Console& console = self(data);
        const sd_bus_error* error = sd_bus_message_get_error(reply);
        console.events_.registered(error ? Status(fail(EIO, "console {} rejected the viewer: {}",
                                                       console.id_, error_text(*error)))
                                         : Status());
        return 0;
    }

    static int sized(sd_bus_message* reply, void* data, sd_bus_error*) {
        self(data).events_.size_answered(!sd_bus_message_is_method_error(reply, nullptr));
        return 0;
    }
};

Console::Console(Bus& bus, std::string name, uint32_t id, Events events)
    : bus_(bus),
      name_(std::move(name)),
      id_(id),
      path_(fmt::format("/org/qemu/Display1/Console_{}", id)),
      events_(std::move(events)) {}

void Console::ask(const char* interface, sd_bus_message_handler_t reply) {
    sd_bus_slot* slot = nullptr;
    const int error = sd_bus_call_method_async(bus_.get(), &slot, destination(), path_.c_str(),
                                               kProperties, "GetAll", reply, this, "s", interface);
    if (error >= 0) slots_.emplace_back(slot);
}

void Console::look() {
    sd_bus_slot* slot = nullptr;
    if (sd_bus_match_signal_async(bus_.get(), &slot, destination(), path_.c_str(), kProperties,
                                  "PropertiesChanged", ConsoleReplies::changed, nullptr, this) >= 0)
        slots_.emplace_back(slot);
    ask(kConsole, ConsoleReplies::info);
    ask(kMouse, ConsoleReplies::mouse);
}

void Console::register_listener(UniqueFd socket) {
    sd_bus_slot* slot = nullptr;
    const int error = sd_bus_call_method_async(bus_.get(), &slot, destination(), path_.c_str(),
                                               kConsole, "RegisterListener",
                                               ConsoleReplies::registered, this, "h", socket.get());
    if (error < 0)
        events_.registered(fail(-error, "cannot call QEMU: {}", std::strerror(-error)));
    else
        slots_.emplace_back(slot);
}

void Console::set_size(uint32_t width, uint32_t height) {
    sd_bus_slot* slot = nullptr;
    if (sd_bus_call_method_async(bus_.get(), &slot, destination(), path_.c_str(), kConsole,
                                 "SetUIInfo", ConsoleReplies::sized, this, "qqiiuu",
                                 millimetres(width), millimetres(height), 0, 0, width, height) < 0)
        return events_.size_answered(false);
    size_slot_.reset(slot);
}

// No reply is wanted: a guest that is busy answers late, and events are not to be sent again.
template <typename... Args>
void Console::send(const char* interface, const char* method, const char* types, Args... args) {
    sd_bus_message* made = nullptr;
    if (sd_bus_message_new_method_call(bus_.get(), &made, destination(), path_.c_str(), interface,
                                       method) < 0)
        return;
    const BusMessage message(made);
    if (sd_bus_message_append(made, types, args...) < 0) return;
    sd_bus_message_set_expect_reply(made, 0);
    sd_bus_send(bus_.get(), made, nullptr);
}

void Console::key(uint32_t qemu_key, bool pressed) {
    send(kKeyboard, pressed ? "Press" : "Release", "u", qemu_key);
}

void Console::button(uint32_t qemu_button, bool pressed) {
    send(kMouse, pressed ? "Press" : "Release", "u", qemu_button);
}

void Console::pointer_at(uint32_t x, uint32_t y) {
    send(kMouse, "SetAbsPosition", "uu", x, y);
}

void Console::pointer_by(int32_t dx, int32_t dy) {
    send(kMouse, "RelMotion", "ii", dx, dy);
}

// QEMU's ui/console.c, console_handle_touch_event(): only an end frees a slot. After a cancel the
// guest would see a finger that stays.
void Console::touch(input::TouchKind kind, uint64_t slot, double x, double y) {
    if (kind == input::TouchKind::kCancel) kind = input::TouchKind::kEnd;
    send(kMultiTouch, "SendEvent", "utdd", static_cast<uint32_t>(kind), slot, x, y);
}

}  // namespace viaduct::viewer
