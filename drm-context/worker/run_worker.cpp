// A worker's life, in whichever process.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>

#include "drm-context/account/context_account.h"
#include "drm-context/device/device_source.h"
#include "drm-context/transport/control_socket.h"
#include "drm-context/transport/messages.h"
#include "drm-context/worker/marked_device.h"
#include "drm-context/worker/worker.h"
#include "drm-context/worker/worker_host.h"

namespace viaduct {

namespace {

template <size_t N>
void copy_text(char (&to)[N], std::string_view text) {
    std::memset(to, 0, N);
    std::memcpy(to, text.data(), std::min(text.size(), N - 1));
}

// It was sent before the worker was started.
constexpr std::chrono::seconds kNodeTime{5};

Result<DeviceSource> device_source(const WorkerStart& start, int socket) {
    if (!start.simulated.empty()) return DeviceSource{UniqueFd(), start.simulated};
    transport::DescriptorMessage message{};
    auto node = transport::receive_message(socket, std::as_writable_bytes(std::span(&message, 1)),
                                           std::chrono::steady_clock::now() + kNodeTime);
    if (!node) return fail(node.error().code, "received no render node: {}", node.error().message);
    return DeviceSource{*std::move(node), {}};
}

Result<std::unique_ptr<DriverContext>> create_context(WorkerStart& start, const Confine& confine,
                                                      const transport::ChannelEnd& end) {
    const WorkerSettings& settings = start.settings;
    const ContextTypeInfo* type = find_context_type(settings.type);
    if (!type)
        return fail(ENOTSUP, "unknown context type {}", static_cast<uint32_t>(settings.type));
    auto account = ContextAccount::attach(
        {std::move(start.account), std::move(start.account_view), settings.slot}, settings.limits);
    if (!account) return tl::unexpected(account.error());
    auto source = device_source(start, end.socket.get());
    if (!source) return tl::unexpected(source.error());
    auto device = open_device(*std::move(source));
    if (!device) return tl::unexpected(device.error());
    if (confine) device = confine(*std::move(device));
    if (device) device = mark_kernel_calls(*std::move(device), end.page());
    if (!device) return tl::unexpected(device.error());
    auto context = type->create(*std::move(device), *std::move(account));
    if (context) (*context)->set_name(settings.name, settings.client_name);
    return context;
}

/// Tells the front of the worker's end, however it comes.
class LastWord {
  public:
    explicit LastWord(const transport::ChannelEnd& end) : end_(end) {}
    ~LastWord() {
        end_.page().exited.store(1, std::memory_order_release);
        transport::signal_event(end_.notify.get());
    }
    LastWord(const LastWord&) = delete;
    LastWord& operator=(const LastWord&) = delete;

  private:
    const transport::ChannelEnd& end_;
};

}  // namespace

void WorkerSettings::set_names(std::string_view guest_name, std::string_view client) {
    copy_text(name, guest_name);
    copy_text(client_name, client);
}

void run_worker(WorkerStart start, const Confine& confine) try {
    const auto end = transport::open_channel_end(std::move(start.channel));
    if (!end) return;  // the socket closes: the front sees that
    const LastWord last_word(*end);
    const int socket = end->socket.get();
    auto context = create_context(start, confine, *end);
    if (!context) return announce_worker(socket, tl::unexpected(context.error()), -1);
    // Of a render node the front has the descriptor already.
    announce_worker(socket, {}, start.simulated.empty() ? -1 : (*context)->device().fd());
    // Only a process is confined.
    const auto ending = confine ? Worker::Ending::kByKill : Worker::Ending::kByClose;
    Worker(*end, *std::move(context), ending).run();
} catch (const std::exception& error) {
    // No memory, most likely. The process may be the VMM's: it is the context that ends.
    log_guest(LogLevel::kError, "{}: its worker exits: {}", start.settings.name, error.what());
}

}  // namespace viaduct
