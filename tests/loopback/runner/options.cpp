#include "tests/loopback/runner/options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <map>

namespace viaduct::loopback {

namespace {

const std::map<std::string, LogLevel> kLogLevels = {
    {"debug", LogLevel::kDebug}, {"info", LogLevel::kInfo},     {"warning", LogLevel::kWarning},
    {"error", LogLevel::kError}, {"silent", LogLevel::kSilent},
};

constexpr const char* kDescription =
    "Runs a command as if in a guest: its virtio-gpu node is played on this machine, and a server\n"
    "process drives a libvirglrenderer.so.1 as a virtual machine monitor does.";

void declare(CLI::App& app, Options& options) {
    app.add_option("--library", options.library,
                   "the libvirglrenderer.so.1 to load (default: this build's)");
    app.add_option(
           "--gpu", options.gpus,
           "the host's GPU: sim:renoir, sim:vega10, or what VIADUCT_GPU takes; several times "
           "for a guest with several")
        ->allow_extra_args(false);
    app.add_flag("--layer", options.layer, "preload the guest layer, for stock Mesa");
    app.add_option("--stats", options.stats_file,
                   "write counters to this file (JSON) at the end; the second GPU's to FILE.2");
    auto* serve = app.add_option("--serve", options.serve,
                                 "serve on this socket instead of running a command; ends with "
                                 "the last client, or on SIGINT or SIGTERM");
    app.add_option("--connect", options.connect,
                   "run the command on the server at this socket instead of starting one; several "
                   "times for a guest with several GPUs")
        ->allow_extra_args(false)
        ->excludes(serve);
    app.add_option("--log", options.log_level, "debug, info, warning, error or silent")
        ->check(CLI::IsMember(kLogLevels));
    app.add_option("--init-flags", options.init_flags,
                   "flags of virgl_renderer_init (default: 0x582)");
    app.add_option("--callbacks-version", options.callbacks_version, "1 to 4")
        ->check(CLI::Range(1, 4));
    app.add_option("--render-node", options.render_node,
                   "a node that the callback get_drm_fd opens (default: no such callback)");
    app.add_flag("!--no-map-fixed", options.map_fixed,
                 "map blobs with resource_map only, as older monitors do");
    app.add_option("--blob-alignment", options.blob_alignment,
                   "the device's feature BLOB_ALIGNMENT, in bytes (default: without it)")
        ->check(CLI::IsMember({0, 4096, 16384, 65536}));
    app.add_option("--window", options.window_size,
                   "size of the host-visible window, such as 16M (default: 16G)")
        ->transform(CLI::AsSizeValue(false));
    app.add_option("--listener-fd", options.listener_fd)->group("");
    app.add_option("--lifeline-fd", options.lifeline_fd)->group("");
    // Everything from the first word that is not one of our options belongs to the command.
    app.prefix_command();
    app.footer("Usage: viaduct-loopback [OPTIONS] -- COMMAND [ARGUMENTS...]");
}

}  // namespace

Options parse_options(int argc, char** argv) {
    Options options;
    CLI::App app(kDescription, "viaduct-loopback");
    declare(app, options);
    try {
        app.parse(argc, argv);
        options.command = app.remaining();
        if (!options.command.empty() && options.command.front() == "--")
            options.command.erase(options.command.begin());
        const bool is_server = !options.serve.empty() || options.listener_fd >= 0;
        if (options.command.empty() != is_server)
            throw CLI::ValidationError("either a command or --serve is needed");
        if (is_server && options.gpus.size() > 1)
            throw CLI::ValidationError("a server has one --gpu: start one for each");
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error));
    }
    return options;
}

std::string gpu_of(const Options& options) {
    return options.gpus.empty() ? "" : options.gpus.front();
}

std::vector<Options> options_per_server(const Options& options) {
    std::vector<Options> all = {options};
    for (size_t i = 1; i < options.gpus.size(); ++i) {
        Options& own = all.emplace_back(options);
        own.gpus = {options.gpus[i]};
        if (!own.stats_file.empty()) own.stats_file += "." + std::to_string(i + 1);
    }
    return all;
}

std::vector<std::string> server_arguments(const Options& options) {
    std::vector<std::string> arguments = {"--log", options.log_level, "--callbacks-version",
                                          std::to_string(options.callbacks_version)};
    const auto add = [&](const char* name, const std::string& value) {
        if (value.empty()) return;
        arguments.emplace_back(name);
        arguments.push_back(value);
    };
    add("--library", options.library);
    add("--gpu", gpu_of(options));
    add("--stats", options.stats_file);
    add("--render-node", options.render_node);
    if (options.init_flags >= 0) add("--init-flags", std::to_string(options.init_flags));
    if (options.blob_alignment != 0)
        add("--blob-alignment", std::to_string(options.blob_alignment));
    if (options.window_size != 0) add("--window", std::to_string(options.window_size));
    if (!options.map_fixed) arguments.emplace_back("--no-map-fixed");
    return arguments;
}

LogLevel log_level_of(const Options& options) {
    return kLogLevels.at(options.log_level);
}

}  // namespace viaduct::loopback
