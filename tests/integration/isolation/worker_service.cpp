#include "tests/integration/isolation/worker_service.h"

#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <vector>

namespace viaduct::test {

namespace {

constexpr int kFirstPassedDescriptor = 3;  // sd_listen_fds(3)

UniqueFd listen_at(const std::string& path) {
    UniqueFd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(listener.get(), 8) != 0)
        return {};
    return listener;
}

pid_t spawn_worker(int connection) {
    const char* program = std::getenv("VIADUCT_TEST_WORKER");
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, connection, kFirstPassedDescriptor);
    char name[] = "viaduct-worker", variable[] = "LISTEN_FDS=1";
    char* arguments[] = {name, nullptr};
    char* environment[] = {variable, nullptr};
    pid_t child = -1;
    if (!program || ::posix_spawn(&child, program, &actions, nullptr, arguments, environment) != 0)
        child = -1;
    ::posix_spawn_file_actions_destroy(&actions);
    return child;
}

}  // namespace

std::string WorkerService::path() {
    return fmt::format("/tmp/viaduct-workerd-{}", ::getpid());
}

WorkerService::WorkerService(Manner manner)
    : manner_(manner),
      listener_(listen_at(path())),
      stop_(::eventfd(0, EFD_CLOEXEC)),
      thread_([this] { serve(); }) {}

WorkerService::~WorkerService() {
    const uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof(one));
    thread_.join();
    ::unlink(path().c_str());
}

void WorkerService::serve() {
    std::vector<pid_t> children;
    std::vector<UniqueFd> unanswered;
    for (;;) {
        pollfd entries[] = {{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
        ::poll(entries, std::size(entries), -1);
        if (entries[0].revents) break;
        UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!connection) continue;
        ++connections_;
        if (manner_ == Manner::kServe) children.push_back(spawn_worker(connection.get()));
        if (manner_ == Manner::kSilent) unanswered.push_back(std::move(connection));
    }
    unanswered.clear();
    for (const pid_t child : children) ::waitpid(child, nullptr, 0);
}

}  // namespace viaduct::test
