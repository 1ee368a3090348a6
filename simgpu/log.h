// Where the simulated GPU reports faults, hangs, resets and a user's mistakes.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string_view>
#include <utility>

namespace simgpu {

/// Gets one line without its newline; called from any thread, one at a time.
using LogSink = std::function<void(std::string_view line)>;

/// Replaces the sink of this process; null restores the default, stderr. Once this returns the old
/// sink is not called any more.
void set_log_sink(LogSink sink);
void log_line(std::string_view line);

template <typename... Args>
void log(fmt::format_string<Args...> text, Args&&... args) {
    log_line(fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace simgpu
