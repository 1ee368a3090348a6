// The command line of viaduct-loopback.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/log.h"

namespace viaduct::loopback {

struct Options {
    std::string library;     // empty: the one of this build
    std::string gpu;         // "sim:renoir", or what VIADUCT_GPU takes; empty: the environment's
    bool layer = false;      // preload the guest layer for stock Mesa
    std::string stats_file;  // empty: none
    std::string serve;       // a socket to serve on, without a command
    std::string connect;     // a socket of a server that runs already
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

/// The options of a server process for these, without program name and descriptors.
std::vector<std::string> server_arguments(const Options& options);

LogLevel log_level_of(const Options& options);

}  // namespace viaduct::loopback
