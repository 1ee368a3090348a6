// viaduct-loopback: see --help.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "tests/loopback/packet.h"
#include "tests/loopback/runner/environment.h"
#include "tests/loopback/runner/options.h"
#include "tests/loopback/runner/process.h"
#include "tests/loopback/runner/serve.h"

namespace viaduct::loopback {

namespace {

/// As timeout(1) and chroot(8): the tool itself has failed, not the command.
constexpr int kExitToolFailed = 125;
constexpr int kExitNoCommand = 127;

int complain(const Error& error, int status) {
    fmt::print(stderr, "viaduct-loopback: {}\n", error.message);
    return status;
}

int run_command(const Options& options, const std::vector<std::string>& sockets) {
    const auto pid = start_process(options.command, command_variables(options, sockets));
    if (!pid) return complain(pid.error(), kExitNoCommand);
    // The terminal's signals are for the command; we end when it does.
    ::signal(SIGINT, SIG_IGN);
    ::signal(SIGQUIT, SIG_IGN);
    return wait_for_process(*pid);
}

/// A server process for each GPU: the library's ABI has one instance per process.
int run_with_servers(const Options& options) {
    std::vector<std::string> sockets;
    std::vector<ServerProcess> servers;
    for (const Options& own : options_per_server(options)) {
        sockets.push_back(fmt::format("@viaduct-loopback-{}-{}", ::getpid(), sockets.size()));
        auto listener = listen_socket(sockets.back());
        if (!listener) return complain(listener.error(), kExitToolFailed);
        auto server = start_server(own, std::move(*listener));
        if (!server) return complain(server.error(), kExitToolFailed);
        servers.push_back(std::move(*server));
    }
    const int status = run_command(options, sockets);
    for (ServerProcess& server : servers)
        if (!finish_server(std::move(server)))
            fmt::print(stderr,
                       "viaduct-loopback: processes of the command are still using the GPU\n");
    return status;
}

}  // namespace

}  // namespace viaduct::loopback

int main(int argc, char** argv) {
    using namespace viaduct::loopback;
    const Options options = parse_options(argc, argv);
    if (const auto found = check_files(options); !found)
        return complain(found.error(), kExitToolFailed);
    if (!options.serve.empty() || options.listener_fd >= 0) return serve(options);
    if (!options.connect.empty()) return run_command(options, options.connect);
    return run_with_servers(options);
}
