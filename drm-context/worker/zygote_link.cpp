#include "drm-context/worker/zygote_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string_view>

#include "drm-context/transport/control_socket.h"
#include "drm-context/worker/zygote_messages.h"

namespace viaduct {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

// For the kernel to end some processes.
constexpr milliseconds kEndTime{1000};

template <typename T>
std::span<const std::byte> bytes_of(const T& value) {
    return std::as_bytes(std::span(&value, 1));
}

// Of our environment a worker gets the simulated GPU's variables.
Status fill_environment(char* to, size_t room) {
    constexpr std::string_view kPrefix = "VIADUCT_SIMGPU_";
    for (char** entry = environ; entry && *entry; ++entry) {
        const std::string_view text = *entry;
        if (!text.starts_with(kPrefix)) continue;
        if (text.size() + 2 > room)
            return fail(E2BIG, "the VIADUCT_SIMGPU_* variables are too long for a worker");
        std::memcpy(to, text.data(), text.size());
        to += text.size() + 1;
        room -= text.size() + 1;
    }
    return {};
}

}  // namespace

Result<std::shared_ptr<ZygoteLink>> ZygoteLink::greet(UniqueFd socket, bool simulated) {
    zygote::Hello hello;
    hello.build = sizeof(zygote::Request);
    hello.simulated = simulated;
    if (simulated)
        if (auto status = fill_environment(hello.environment, sizeof(hello.environment)); !status)
            return tl::unexpected(status.error());
    if (auto status = transport::send_message(socket.get(), bytes_of(hello), -1); !status)
        return tl::unexpected(status.error());
    return std::shared_ptr<ZygoteLink>(new ZygoteLink(std::move(socket)));
}

ZygoteLink::~ZygoteLink() {
    hang_up();
    while (last_worker_ != 0) {
        const auto left = std::chrono::ceil<milliseconds>(gone_by_ - steady_clock::now()).count();
        pollfd entry{socket_.get(), POLLRDHUP, 0};  // not POLLIN: an answer may lie there unread
        if (left <= 0 || ::poll(&entry, 1, static_cast<int>(left)) >= 0) return;
    }
}

void ZygoteLink::retire() noexcept {
    const LockGuard lock(mutex_);
    retired_ = true;
    if (living_ == 0) hang_up_locked();
}

void ZygoteLink::hang_up() noexcept {
    const LockGuard lock(mutex_);
    hang_up_locked();
}

void ZygoteLink::hang_up_locked() noexcept {
    if (gone_by_ != steady_clock::time_point{}) return;
    ::shutdown(socket_.get(), SHUT_WR);
    gone_by_ = steady_clock::now() + kEndTime;
}

Result<std::string> ZygoteLink::confirm(steady_clock::time_point deadline) {
    zygote::HelloReply reply;
    const auto got = transport::receive_message(
        socket_.get(), std::as_writable_bytes(std::span(&reply, 1)), deadline);
    if (!got) return fail(got.error().code, "viaduct-worker: {}", got.error().message);
    std::string message(reply.message, ::strnlen(reply.message, sizeof(reply.message)));
    if (reply.error != 0) return tl::unexpected(Error{reply.error, std::move(message)});
    if (reply.version != zygote::kVersion)
        return fail(EPROTO, "the version of viaduct-worker differs from this library's");
    return message;
}

Result<uint64_t> ZygoteLink::start(const WorkerStart& start) {
    zygote::Request request;
    request.type = zygote::RequestType::kStart;
    request.settings = start.settings;
    const std::string& model = start.simulated;
    if (model.size() >= sizeof(request.simulated))
        return fail(EINVAL, "model name {} is too long", model);
    std::memcpy(request.simulated, model.data(), model.size());

    const int offered[zygote::kDescriptors] = {
        start.channel.memory.get(), start.channel.socket.get(), start.channel.doorbell.get(),
        start.channel.notify.get(), start.account.get(),        start.account_view.get()};
    std::vector<int> descriptors;
    for (uint32_t i = 0; i < zygote::kDescriptors; ++i) {
        if (offered[i] < 0) continue;
        request.descriptors |= 1u << i;
        descriptors.push_back(offered[i]);
    }
    const LockGuard lock(mutex_);
    send_kills();
    to_kill_.reserve(to_kill_.size() + living_ + 1);
    request.worker = ++last_worker_;
    auto status = transport::send_message(socket_.get(), bytes_of(request), descriptors);
    if (!status) return tl::unexpected(status.error());
    ++living_;
    return request.worker;
}

void ZygoteLink::kill(uint64_t worker) noexcept {
    const LockGuard lock(mutex_);
    add_kill(worker);
    send_kills();
}

void ZygoteLink::end(uint64_t worker) noexcept {
    const LockGuard lock(mutex_);
    add_kill(worker);
    --living_;
    send_kills();
    if (retired_ && living_ == 0) hang_up_locked();
}

void ZygoteLink::add_kill(uint64_t worker) noexcept {
    if (std::ranges::find(to_kill_, worker) == to_kill_.end()) to_kill_.push_back(worker);
}

void ZygoteLink::send_kills() noexcept {
    while (!to_kill_.empty()) {
        zygote::Request request;
        request.type = zygote::RequestType::kKill;
        request.worker = to_kill_.back();
        const int error = transport::send_or_errno(socket_.get(), bytes_of(request), {});
        // If the zygote is gone, so are its workers.
        if (error != 0 && error != EPIPE) return;
        to_kill_.pop_back();
    }
}

Result<UniqueFd> connect_to_zygote(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        return fail(ENAMETOOLONG, "VIADUCT_WORKER_SOCKET={} is too long", path);
    std::memcpy(address.sun_path, path.data(), path.size());
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket ||
        ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
        return fail(errno, "VIADUCT_WORKER_SOCKET={}: {}", path, std::strerror(errno));
    return socket;
}

}  // namespace viaduct
