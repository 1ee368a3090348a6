// A readable dump of what drivers submit: $VIADUCT_SIMGPU_TRACE (docs/simgpu.md).
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <functional>
#include <string_view>
#include <utility>

namespace simgpu {

/// Opens the file that $VIADUCT_SIMGPU_TRACE names, at the first call; to be called before a jail
/// forbids that. A file that cannot be opened is reported once, and there is no trace.
void open_trace();
/// Tests: lines go there from now on, without their newlines; null: nowhere.
void set_trace_sink(std::function<void(std::string_view line)> sink);

namespace trace_detail {
extern std::atomic<bool> wanted;
void write_line(std::string_view line);
}  // namespace trace_detail

/// Whether anybody wants lines. Cheap: call it before a line is put together.
inline bool tracing() {
    return trace_detail::wanted.load(std::memory_order_relaxed);
}

/// Adds a line to the calling thread's part of the trace, which reaches the file when the part is
/// ended or large: lines of jobs that run at the same time do not mix.
template <typename... Args>
void trace(fmt::format_string<Args...> text, Args&&... args) {
    if (tracing()) trace_detail::write_line(fmt::format(text, std::forward<Args>(args)...));
}

/// Ends a part of the calling thread.
void flush_trace();

}  // namespace simgpu
