#include "display/viewer/session.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"

namespace viaduct::viewer {

namespace {

constexpr char kName[] = "org.qemu";
constexpr char kVm[] = "org.qemu.Display1.VM";
constexpr char kVmPath[] = "/org/qemu/Display1/VM";
constexpr char kProperties[] = "org.freedesktop.DBus.Properties";
// Consoles of a VM: a few heads, and text consoles.
constexpr size_t kMaxConsoles = 64;

struct VmInfo {
    std::string name;
    std::vector<uint32_t> consoles;
};

int read_consoles(sd_bus_message* message, std::vector<uint32_t>& ids) {
    int error = sd_bus_message_enter_container(message, SD_BUS_TYPE_VARIANT, "au");
    if (error < 0) return error;
    const void* data = nullptr;
    size_t size = 0;
    if ((error = sd_bus_message_read_array(message, SD_BUS_TYPE_UINT32, &data, &size)) < 0)
        return error;
    ids.resize(std::min(size / sizeof(uint32_t), kMaxConsoles));
    if (!ids.empty()) std::memcpy(ids.data(), data, ids.size() * sizeof(uint32_t));
    return (error = sd_bus_message_exit_container(message)) < 0 ? error : 1;
}

int read_vm(sd_bus_message* message, VmInfo& vm) {
    return read_properties(message, [&](const std::string_view name, sd_bus_message* value) {
        if (name == "ConsoleIDs") return read_consoles(value, vm.consoles);
        if (name != "Name") return 0;
        const char* text = nullptr;
        const int error = sd_bus_message_read(value, "v", "s", &text);
        if (error > 0) vm.name = sanitise(text);
        return error;
    });
}

}  // namespace

struct SessionReplies {
    static Session& self(void* data) { return *static_cast<Session*>(data); }

    static int vm(sd_bus_message* reply, void* data, sd_bus_error*) {
        Session& session = self(data);
        if (const sd_bus_error* error = sd_bus_message_get_error(reply)) {
            const bool nobody = sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
                                sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER);
            session.lose(nobody ? Error{ENOENT, "no QEMU with -display dbus is on the bus"}
                                : Error{EIO, "cannot read QEMU's description of its VM: " +
                                                 error_text(*error)});
            return 0;
        }
        VmInfo info;
        if (read_vm(reply, info) < 0) {
            session.lose({EPROTO, "QEMU's description of its VM has unknown types"});
            return 0;
        }
        session.vm_ = info.name.empty() ? "QEMU" : info.name;
        session.unknown_ = info.consoles.size();
        for (const uint32_t id : info.consoles) session.add_console(id);
        if (info.consoles.empty()) session.host_.consoles_known(0);
        return 0;
    }

    static int owner_changed(sd_bus_message* signal, void* data, sd_bus_error*) {
        const char* name = nullptr;
        const char* before = nullptr;
        const char* after = nullptr;
        if (sd_bus_message_read(signal, "sss", &name, &before, &after) > 0 && before[0] != '\0')
            self(data).lose({EPIPE, "QEMU left the bus"});
        return 0;
    }
};

Session::Session(std::unique_ptr<Bus> bus, bool has_daemon, ClipboardUse clipboard,
                 wayland::Watches& watches, SessionHost& host)
    : name_(has_daemon ? kName : ""), watches_(watches), host_(host), bus_(std::move(bus)) {
    look();
    if (clipboard.any())
        clipboard_ = std::make_unique<GuestClipboard>(
            *bus_, name_, clipboard,
            [this](std::optional<std::string> text) { host_.guest_copied(std::move(text)); });
}

void Session::host_copied(std::optional<std::string> text) {
    if (clipboard_) clipboard_->offer(std::move(text));
}

Session::~Session() {
    for (auto& [id, link] : links_)
        if (link.user) link.user->connect(nullptr, {});
}

void Session::look() {
    sd_bus_slot* slot = nullptr;
    if (!name_.empty() &&
        sd_bus_add_match_async(bus_->get(), &slot,
                               "type='signal',sender='org.freedesktop.DBus',"
                               "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                               "arg0='org.qemu'",
                               SessionReplies::owner_changed, nullptr, this) >= 0)
        slots_.emplace_back(slot);
    const char* destination = name_.empty() ? nullptr : name_.c_str();
    const int error =
        sd_bus_call_method_async(bus_->get(), &slot, destination, kVmPath, kProperties, "GetAll",
                                 SessionReplies::vm, this, "s", kVm);
    if (error < 0) return lose({-error, std::string("cannot call QEMU: ") + std::strerror(-error)});
    slots_.emplace_back(slot);
}

void Session::add_console(uint32_t id) {
    Link& link = links_[id];
    if (link.console) return;  // named twice
    link.console = std::make_unique<Console>(
        *bus_, name_, id,
        Console::Events{
            .info = [this, id](const Result<ConsoleInfo>& info) { console_found(id, info); },
            .pointer_kind =
                [&link](bool absolute) {
                    if (link.user) link.user->set_absolute(absolute);
                },
            .registered =
                [this](const Status& status) {
                    if (!status) lose(status.error());
                },
            .size_answered =
                [&link](bool) {
                    if (link.user) link.user->size_answered();
                },
        });
    link.console->look();
}

void Session::console_found(uint32_t id, const Result<ConsoleInfo>& info) {
    Link& link = links_[id];
    if (!info)
        log(LogLevel::kWarning, "{}", info.error().message);
    else if (info->type != "Text")
        link.user = host_.user_of(id, *info, vm_);
    if (link.user) register_listener(link);
    if (--unknown_ > 0) return;
    host_.consoles_known(static_cast<size_t>(std::count_if(
        links_.begin(), links_.end(), [](const auto& entry) { return entry.second.user; })));
}

// The reply comes before QEMU waits for our half of the handshake: that is started at once.
void Session::register_listener(Link& link) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return lose({errno, std::string("socketpair() failed: ") + std::strerror(errno)});
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    auto listener = Listener::serve(std::move(ours), watches_, *link.user);
    if (!listener) return lose(listener.error());
    link.listener = *std::move(listener);
    Console& console = *link.console;
    link.user->connect(
        &console, [&console](uint32_t width, uint32_t height) { console.set_size(width, height); });
    console.register_listener(std::move(theirs));
}

void Session::drop(ConsoleUser& user) {
    for (auto& [id, link] : links_) {
        if (link.user != &user) continue;
        user.connect(nullptr, {});
        link.listener.reset();
        link.user = nullptr;
    }
}

void Session::lose(Error error) {
    if (!lost_) lost_ = std::move(error);
}

Status Session::turn() {
    if (const auto status = bus_->process(); !status)
        lose({status.error().code, "the connection to QEMU is lost: " + status.error().message});
    for (auto& [id, link] : links_) {
        if (!link.listener || lost_) continue;
        if (const auto status = link.listener->bus().process(); !status)
            lose({status.error().code,
                  fmt::format("QEMU stopped sending the pictures of console {}: {}", id,
                              status.error().message)});
    }
    if (lost_) return tl::unexpected(*lost_);
    return {};
}

int64_t Session::deadline() const {
    int64_t first = bus_->deadline();
    for (const auto& [id, link] : links_)
        if (link.listener) first = std::min(first, link.listener->bus().deadline());
    return first;
}

}  // namespace viaduct::viewer
