#include "drm-context/worker/process/zygote.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <optional>

#include "drm-context/transport/control_socket.h"
#include "drm-context/worker/process/worker_process.h"
#include "drm-context/worker/worker.h"

namespace viaduct {

namespace {

Result<UniqueFd> watch_children() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    UniqueFd events(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!events) return fail(errno, "signalfd: {}", std::strerror(errno));
    return events;
}

void unblock_signals() {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// The descriptors that came along, by what they are for. Nothing if they are not as announced.
std::optional<WorkerStart> make_start(const zygote::Request& request,
                                      std::vector<UniqueFd> descriptors) {
    WorkerStart start;
    start.settings = request.settings;
    start.simulated.assign(request.simulated,
                           ::strnlen(request.simulated, sizeof(request.simulated)));
    UniqueFd* const places[zygote::kDescriptors] = {&start.channel.memory,   &start.channel.socket,
                                                    &start.channel.doorbell, &start.channel.notify,
                                                    &start.account,          &start.account_view};
    size_t next = 0;
    for (uint32_t i = 0; i < zygote::kDescriptors; ++i) {
        if (!(request.descriptors & 1u << i)) continue;
        if (next == descriptors.size()) return std::nullopt;
        *places[i] = std::move(descriptors[next++]);
    }
    return start;
}

}  // namespace

Status Zygote::run() {
    auto events = watch_children();
    if (!events) return tl::unexpected(events.error());
    child_events_ = *std::move(events);
    for (;;) {
        pollfd entries[] = {{front_.get(), POLLIN, 0}, {child_events_.get(), POLLIN, 0}};
        ::poll(entries, std::size(entries), -1);
        if (entries[1].revents) reap();
        if (entries[0].revents && !serve_one()) break;
    }
    end_all();
    return {};
}

Status Zygote::serve_one() {
    zygote::Request request;
    auto descriptors = transport::receive_descriptors(
        front_.get(), std::as_writable_bytes(std::span(&request, 1)), {});
    if (!descriptors) return tl::unexpected(descriptors.error());
    if (request.type == zygote::RequestType::kStart) start(request, *std::move(descriptors));
    if (request.type == zygote::RequestType::kKill) kill(request.worker);
    return {};
}

void Zygote::start(const zygote::Request& request, std::vector<UniqueFd> descriptors) {
    auto start = make_start(request, std::move(descriptors));
    if (!start) return;  // the front sees its socket close
    const auto cell = cell_for(*start);
    if (!cell)
        return announce_worker(start->channel.socket.get(), tl::unexpected(cell.error()), -1);
    const pid_t zygote = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
        front_.reset();
        child_events_.reset();
        unblock_signals();
        run_worker_process(*std::move(start), **cell, zygote);
    }
    if (child > 0)
        workers_.emplace(request.worker, child);
    else
        announce_worker(start->channel.socket.get(),
                        fail(errno, "cannot fork a worker: {}", std::strerror(errno)), -1);
}

Result<const jail::Cell*> Zygote::cell_for(const WorkerStart& start) {
    const auto gpu = start.simulated.empty() ? jail::Gpu::kReal : jail::Gpu::kSimulated;
    const auto key = std::pair(start.settings.type, gpu);
    if (const auto found = cells_.find(key); found != cells_.end()) return &found->second;
    const ContextTypeInfo* type = find_context_type(start.settings.type);
    if (!type) return fail(ENOTSUP, "unknown context type {}", static_cast<uint32_t>(key.first));
    auto cell = jail::prepare(*type, gpu);
    if (!cell) return tl::unexpected(cell.error());
    return &cells_.emplace(key, *std::move(cell)).first->second;
}

// Children are not reaped but here: the process of that number is ours.
void Zygote::kill(uint64_t worker) {
    if (const auto found = workers_.find(worker); found != workers_.end())
        ::kill(found->second, SIGKILL);
}

void Zygote::reap() {
    signalfd_siginfo info;
    while (::read(child_events_.get(), &info, sizeof(info)) > 0) {
    }
    // All of them: several may share one event, and an init process has orphans, too.
    for (pid_t pid; (pid = ::waitpid(-1, nullptr, WNOHANG)) > 0;)
        std::erase_if(workers_, [pid](const auto& entry) { return entry.second == pid; });
}

void Zygote::end_all() {
    for (const auto& [worker, pid] : workers_) ::kill(pid, SIGKILL);
    while (::wait(nullptr) > 0 || errno == EINTR) {
    }
}

}  // namespace viaduct
