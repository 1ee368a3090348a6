#include "tests/loopback/runner/serve.h"

#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "tests/loopback/packet.h"
#include "tests/loopback/runner/environment.h"
#include "tests/loopback/server/server.h"

namespace viaduct::loopback {

namespace {

constexpr int kExitFailure = 1;

/// A descriptor that becomes readable on SIGINT and SIGTERM. The server of a command ignores
/// SIGINT instead: the terminal sends it to the command too, which may outlive it.
UniqueFd stop_signals(bool has_command) {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGTERM);
    if (has_command)
        ::signal(SIGINT, SIG_IGN);
    else
        ::sigaddset(&signals, SIGINT);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    return UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC));
}

/// A descriptor or two per blob add up; machine monitors raise the limit too.
void allow_many_descriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

void forward_library_log(RendererApi& api) {
    if (!api.virgl_set_log_callback) return;
    api.virgl_set_log_callback(
        [](virgl_log_level_flags level, const char* message, void*) {
            std::string_view text = message;
            while (text.ends_with('\n')) text.remove_suffix(1);
            log(static_cast<LogLevel>(level), "library: {}", text);
        },
        nullptr, nullptr);
}

DeviceOptions device_options(const Options& options) {
    DeviceOptions device;
    if (options.init_flags >= 0) device.init_flags = options.init_flags;
    device.callbacks_version = options.callbacks_version;
    device.render_node = options.render_node;
    device.map_fixed = options.map_fixed;
    device.blob_alignment = options.blob_alignment;
    if (options.window_size != 0) device.window_size = options.window_size;
    return device;
}

Status run_server(const Options& options, RendererApi& api) {
    UniqueFd listener(options.listener_fd);
    UniqueFd lifeline(options.lifeline_fd);
    const UniqueFd stop = stop_signals(lifeline.valid());
    if (!listener) {
        auto bound = listen_socket(options.serve);
        if (!bound) return tl::unexpected(bound.error());
        listener = std::move(*bound);
    }
    auto device = VirtioGpu::create(api, device_options(options));
    if (!device) return tl::unexpected(device.error());
    if (lifeline && ::write(lifeline.get(), "R", 1) != 1) return fail(EPIPE, "nobody waits");
    ServerReport report;
    Status status;
    {
        auto server = Server::create(**device, std::move(listener), std::move(lifeline));
        if (!server) return tl::unexpected(server.error());
        report.at_start = ProcessCounts::now();
        status = (*server)->run(stop.get());
        (*server)->drop_clients();
        if (!options.stats_file.empty()) report.at_end = settle(report.at_start);
    }
    report.device = (*device)->statistics();
    device->reset();  // so that cleanup is in the statistics
    if (!options.stats_file.empty())
        std::ofstream(options.stats_file) << statistics_json(api, report);
    return status;
}

}  // namespace

int serve(const Options& options) {
    set_log_level(log_level_of(options));
    allow_many_descriptors();
    for (const auto& [name, value] : server_variables(options))
        ::setenv(name.c_str(), value.c_str(), 1);
    auto api = RendererApi::load(library_path(options));
    Status status;
    if (api) {
        forward_library_log(**api);
        status = run_server(options, **api);
    } else {
        status = tl::unexpected(api.error());
    }
    if (!status) log(LogLevel::kError, "viaduct-loopback: {}", status.error().message);
    return status ? 0 : kExitFailure;
}

}  // namespace viaduct::loopback
