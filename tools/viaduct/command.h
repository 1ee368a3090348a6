// The subcommands of `viaduct`.
#pragma once

#include <CLI/CLI.hpp>

namespace viaduct::tool {

/// Each adds its subcommand, with a callback that runs it and stores the exit status.
void add_doctor(CLI::App& app, int& status);
void add_top(CLI::App& app, int& status);
void add_stats(CLI::App& app, int& status);
void add_profiles(CLI::App& app, int& status);
void add_record(CLI::App& app, int& status);
void add_replay(CLI::App& app, int& status);
/// Without the libraries that windows need, its callback says so (no_view.cpp).
void add_view(CLI::App& app, int& status);

}  // namespace viaduct::tool
