#include "display/viewer/guest_clipboard.h"

#include <cstring>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "display/wayland/clipboard.h"

namespace viaduct::viewer {

namespace {

constexpr char kClipboardPath[] = "/org/qemu/Display1/Clipboard";
constexpr char kClipboardInterface[] = "org.qemu.Display1.Clipboard";
constexpr const char* kClipboardText = wayland::Clipboard::kText;
// QEMU's ui/dbus-display1.xml: the others are X11's primary and secondary.
constexpr uint32_t kSelection = 0;
// QEMU waits 5 s for the guest's agent.
constexpr uint64_t kPatienceUs = 6'000'000;

// Whether the list "as" has the type. Negative: the message ends before the list.
int has_text(sd_bus_message* message) {
    int error = sd_bus_message_enter_container(message, SD_BUS_TYPE_ARRAY, "s");
    if (error < 0) return error;
    int found = 0;
    const char* type = nullptr;
    while ((error = sd_bus_message_read_basic(message, SD_BUS_TYPE_STRING, &type)) > 0)
        if (std::strcmp(type, kClipboardText) == 0) found = 1;
    if (error < 0) return error;
    error = sd_bus_message_exit_container(message);
    return error < 0 ? error : found;
}

}  // namespace

/// Methods that QEMU calls, and its replies. A negative errno becomes an error reply.
struct ClipboardMethods {
    static GuestClipboard& self(void* data) { return *static_cast<GuestClipboard*>(data); }

    // On a bus any program of the user's could call.
    static int refuse(sd_bus_message* message) {
        return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_ACCESS_DENIED,
                                          "only QEMU shares this clipboard");
    }

    // QEMU starts anew, as when the guest's agent does.
    static int registered_again(sd_bus_message* message, void* data, sd_bus_error*) {
        auto& all = self(data);
        if (all.registered_ && !all.is_qemu(message)) return refuse(message);
        all.restart();
        return sd_bus_reply_method_return(message, "");
    }

    static int unregistered(sd_bus_message* message, void* data, sd_bus_error*) {
        return self(data).is_qemu(message) ? sd_bus_reply_method_return(message, "")
                                           : refuse(message);
    }

    static int grab(sd_bus_message* message, void* data, sd_bus_error*) {
        auto& all = self(data);
        if (!all.is_qemu(message)) return refuse(message);
        uint32_t selection = 0;
        uint32_t serial = 0;
        if (const int error = sd_bus_message_read(message, "uu", &selection, &serial); error < 0)
            return error;
        const int text = has_text(message);
        if (text < 0) return text;
        const bool loses = all.owner_ == GuestClipboard::Owner::kHost ? serial <= all.serial_
                                                                      : serial < all.serial_;
        if (selection == kSelection && !loses) {
            all.serial_ = serial;
            all.owner_ = GuestClipboard::Owner::kGuest;
            if (all.use_.from_guest && text)
                all.request();
            else
                all.received({});
        }
        return sd_bus_reply_method_return(message, "");
    }

    static int release(sd_bus_message* message, void* data, sd_bus_error*) {
        auto& all = self(data);
        if (!all.is_qemu(message)) return refuse(message);
        uint32_t selection = 0;
        if (const int error = sd_bus_message_read(message, "u", &selection); error < 0)
            return error;
        if (selection == kSelection && all.owner_ == GuestClipboard::Owner::kGuest) {
            all.owner_ = GuestClipboard::Owner::kNobody;
            all.received({});
        }
        return sd_bus_reply_method_return(message, "");
    }

    // Answered at once: QEMU's main loop waits.
    static int request(sd_bus_message* message, void* data, sd_bus_error*) {
        auto& all = self(data);
        if (!all.is_qemu(message)) return refuse(message);
        uint32_t selection = 0;
        if (const int error = sd_bus_message_read(message, "u", &selection); error < 0)
            return error;
        const int wanted = has_text(message);
        if (wanted < 0) return wanted;
        if (selection != kSelection || !wanted || !all.text_ ||
            all.owner_ != GuestClipboard::Owner::kHost)
            return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_FAILED,
                                              "the clipboard has no text");
        sd_bus_message* reply = nullptr;
        int error = sd_bus_message_new_method_return(message, &reply);
        const BusMessage owned(reply);
        if (error >= 0) error = sd_bus_message_append(reply, "s", kClipboardText);
        if (error >= 0)
            error = sd_bus_message_append_array(reply, SD_BUS_TYPE_BYTE, all.text_->data(),
                                                all.text_->size());
        return error < 0 ? error : sd_bus_send(nullptr, reply, nullptr);
    }

    static int interfaces(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply,
                          void*, sd_bus_error*) {
        return sd_bus_message_append(reply, "as", 0);
    }

    // Replies

    static int registered(sd_bus_message* reply, void* data, sd_bus_error*) {
        auto& all = self(data);
        if (const sd_bus_error* error = sd_bus_message_get_error(reply)) {
            log(LogLevel::kWarning, "the clipboard is not shared: QEMU: {}", error_text(*error));
            return 0;
        }
        all.registered_ = true;
        if (const char* sender = sd_bus_message_get_sender(reply)) all.peer_ = sender;
        if (all.owner_ == GuestClipboard::Owner::kHost) all.grab();
        return 0;
    }

    static int text(sd_bus_message* reply, void* data, sd_bus_error*) {
        auto& all = self(data);
        all.request_.reset();
        const bool changed = std::exchange(all.changed_, false);
        if (all.owner_ != GuestClipboard::Owner::kGuest) return 0;  // replaced meanwhile
        if (changed) {
            all.request();
            return 0;
        }
        const char* type = nullptr;
        const void* bytes = nullptr;
        size_t size = 0;
        if (sd_bus_message_get_error(reply) || sd_bus_message_read(reply, "s", &type) <= 0 ||
            std::strcmp(type, kClipboardText) != 0 ||
            sd_bus_message_read_array(reply, SD_BUS_TYPE_BYTE, &bytes, &size) < 0) {
            all.received({});
            return 0;
        }
        const std::string_view text(static_cast<const char*>(bytes), size);
        if (size > GuestClipboard::kMostBytes || !wayland::is_text(text)) {
            log_guest(LogLevel::kWarning,
                      "the guest's clipboard has {} bytes that are too many or not UTF-8", size);
            all.received({});
            return 0;
        }
        all.received(std::string(text));
        return 0;
    }
};

namespace {

constexpr uint64_t kUnprivileged = SD_BUS_VTABLE_UNPRIVILEGED;

const sd_bus_vtable kClipboardTable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Register", "", "", ClipboardMethods::registered_again, kUnprivileged),
    SD_BUS_METHOD("Unregister", "", "", ClipboardMethods::unregistered, kUnprivileged),
    SD_BUS_METHOD("Grab", "uuas", "", ClipboardMethods::grab, kUnprivileged),
    SD_BUS_METHOD("Release", "u", "", ClipboardMethods::release, kUnprivileged),
    SD_BUS_METHOD("Request", "uas", "say", ClipboardMethods::request, kUnprivileged),
    SD_BUS_PROPERTY("Interfaces", "as", ClipboardMethods::interfaces, 0,
                    SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_VTABLE_END,
};

}  // namespace

GuestClipboard::GuestClipboard(Bus& bus, std::string name, ClipboardUse use, Copied copied)
    : bus_(bus), name_(std::move(name)), use_(use), copied_(std::move(copied)) {
    start();
}

void GuestClipboard::start() {
    sd_bus_slot* slot = nullptr;
    int error = sd_bus_add_object_vtable(bus_.get(), &slot, kClipboardPath, kClipboardInterface,
                                         kClipboardTable, this);
    if (error >= 0) {
        object_.reset(slot);
        error = sd_bus_call_method_async(bus_.get(), &slot, destination(), kClipboardPath,
                                         kClipboardInterface, "Register",
                                         ClipboardMethods::registered, this, "");
    }
    if (error < 0)
        log(LogLevel::kWarning, "the clipboard is not shared: {}", std::strerror(-error));
    else
        registering_.reset(slot);
}

// Without a daemon only QEMU is at the other end.
bool GuestClipboard::is_qemu(sd_bus_message* message) const {
    if (name_.empty()) return true;
    const char* sender = sd_bus_message_get_sender(message);
    return registered_ && sender && peer_ == sender;
}

void GuestClipboard::restart() {
    serial_ = 0;
    if (owner_ == Owner::kGuest) {
        owner_ = Owner::kNobody;
        received({});
    } else if (owner_ == Owner::kHost && registered_) {
        grab();
    }
}

void GuestClipboard::offer(std::optional<std::string> text) {
    if (!use_.to_guest) return;
    const bool had_text = owner_ == Owner::kHost;
    text_ = std::move(text);
    if (text_) {
        owner_ = Owner::kHost;
        if (registered_) grab();
        return;
    }
    if (!had_text) return;
    owner_ = Owner::kNobody;
    if (registered_)
        sd_bus_call_method_async(bus_.get(), nullptr, destination(), kClipboardPath,
                                 kClipboardInterface, "Release", nullptr, nullptr, "u", kSelection);
}

void GuestClipboard::grab() {
    sd_bus_call_method_async(bus_.get(), nullptr, destination(), kClipboardPath,
                             kClipboardInterface, "Grab", nullptr, nullptr, "uuas", kSelection,
                             ++serial_, 1, kClipboardText);
}

// QEMU refuses a second one while the first is under way.
void GuestClipboard::request() {
    if (request_) {
        changed_ = true;
        return;
    }
    sd_bus_message* call = nullptr;
    int error = sd_bus_message_new_method_call(bus_.get(), &call, destination(), kClipboardPath,
                                               kClipboardInterface, "Request");
    const BusMessage owned(call);
    if (error >= 0) error = sd_bus_message_append(call, "uas", kSelection, 1, kClipboardText);
    sd_bus_slot* slot = nullptr;
    if (error >= 0)
        error =
            sd_bus_call_async(bus_.get(), &slot, call, ClipboardMethods::text, this, kPatienceUs);
    if (error < 0) return received({});
    request_.reset(slot);
}

void GuestClipboard::received(std::optional<std::string> text) {
    if (use_.from_guest) copied_(std::move(text));
}

}  // namespace viaduct::viewer
