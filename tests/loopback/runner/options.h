// The command line of viaduct-loopback.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/log.h"

namespace viaduct::loopback {

struct Options {
    std::string library;  // empty: the one of this build
    /// "sim:renoir", or what VIADUCT_GPU takes: a device of the guest's for each, with a server of
    /// its own. Empty: one, of the environment's GPU. A server's own has one at most.
    std::vector<std::string> gpus;
    bool layer = false;      // preload the guest layer for stock Mesa
    std::string stats_file;  // empty: none
    std::string serve;       // a socket to serve on, without a command
    /// Sockets of servers that run already, for each device of the guest's.
    std::vector<std::string> connect;
    std::string log_level = "warning";
    int init_flags = -1;  // of virgl_renderer_init; -1: the default
    int callbacks_version = 4;
    std::string render_node;
    bool map_fixed = true;
    uint32_t blob_alignment = 0;
    uint64_t window_size = 0;  // bytes; 0: the default
    std::vector<std::string> command;

    // The server process, started by ourselves: descriptors handed down, -1 elsewhere.
    int listener_fd = -1;
    int lifeline_fd = -1;
};

/// Parses the command line. Prints help or what is wrong, and exits, by itself.
Options parse_options(int argc, char** argv);

/// The GPU of a server with these options: the first one. Empty: the environment's.
std::string gpu_of(const Options& options);

/// The options for each of the servers that a command needs, by GPU; each has a file of statistics
/// of its own. At least one.
std::vector<Options> options_per_server(const Options& options);

/// The options of a server process for these, without program name and descriptors.
std::vector<std::string> server_arguments(const Options& options);

LogLevel log_level_of(const Options& options);

}  // namespace viaduct::loopback
