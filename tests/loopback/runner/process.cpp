#include "tests/loopback/runner/process.h"

#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <chrono>
#include <cstring>
#include <string_view>
#include <thread>

extern char** environ;

namespace viaduct::loopback {

namespace {

/// How long processes that the command left behind may hold the server, and us.
constexpr std::chrono::seconds kServerPatience{10};
constexpr std::chrono::milliseconds kWaitStep{5};

std::vector<std::string> merged_environment(const Variables& variables) {
    std::vector<std::string> merged;
    for (char** entry = environ; *entry; ++entry) {
        const std::string_view text = *entry;
        if (!variables.contains(std::string(text.substr(0, text.find('=')))))
            merged.emplace_back(text);
    }
    for (const auto& [name, value] : variables)
        if (!value.empty()) merged.push_back(name + "=" + value);
    return merged;
}

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

void keep_over_exec(const UniqueFd& fd) {
    ::fcntl(fd.get(), F_SETFD, 0);
}

}  // namespace

Result<pid_t> start_process(const std::vector<std::string>& command, const Variables& variables) {
    const auto environment = merged_environment(variables);
    pid_t pid = -1;
    const int code = ::posix_spawnp(&pid, command.front().c_str(), nullptr, nullptr,
                                    pointers_to(command).data(), pointers_to(environment).data());
    if (code != 0) return fail(code, "cannot run {}: {}", command.front(), std::strerror(code));
    return pid;
}

int wait_for_process(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

Result<ServerProcess> start_server(const Options& options, UniqueFd listener) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fail(errno, "cannot create a socket pair");
    ServerProcess server;
    server.lifeline.reset(ends[0]);
    UniqueFd servers_end(ends[1]);
    keep_over_exec(listener);
    keep_over_exec(servers_end);
    std::vector<std::string> command = {"/proc/self/exe"};
    const auto arguments = server_arguments(options);
    command.insert(command.end(), arguments.begin(), arguments.end());
    command.insert(command.end(), {"--listener-fd", std::to_string(listener.get()), "--lifeline-fd",
                                   std::to_string(servers_end.get())});
    const auto pid = start_process(command, server_variables(options));
    if (!pid) return tl::unexpected(pid.error());
    server.pid = *pid;
    listener.reset();
    servers_end.reset();
    char ready = 0;
    if (::read(server.lifeline.get(), &ready, 1) != 1)
        return fail(ENODEV, "the server did not start (status {})", wait_for_process(*pid));
    return server;
}

bool finish_server(ServerProcess server) {
    server.lifeline.reset();
    const auto deadline = std::chrono::steady_clock::now() + kServerPatience;
    while (std::chrono::steady_clock::now() < deadline) {
        if (::waitpid(server.pid, nullptr, WNOHANG) != 0) return true;
        std::this_thread::sleep_for(kWaitStep);
    }
    return false;
}

}  // namespace viaduct::loopback
