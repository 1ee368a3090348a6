// Logging: one process-wide sink, levels, and a limiter for what guests can provoke.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log_budget.h"

namespace viaduct {

/// The order of VIRGL_LOG_LEVEL_*.
enum class LogLevel { kDebug, kInfo, kWarning, kError, kSilent };

/// Gets every message that passes the level, without a newline. May be called from any thread, and
/// from several at a time.
using LogSink = std::function<void(LogLevel level, std::string_view text)>;

/// Replaces the sink (default: stderr). An empty sink restores the default. The one before lives
/// until its last call, on whatever thread, has returned. For the new one the budget of guests'
/// lines is full again.
void set_log_sink(LogSink sink);
/// Messages below `level` are dropped before they are formatted. Default: kWarning.
void set_log_level(LogLevel level);
LogLevel log_level();
bool log_enabled(LogLevel level);

/// Hands a finished line to the sink: at once, or at the end of this thread's LogHold.
void log_line(LogLevel level, std::string_view text);

/// While one lives, its thread's lines wait; with the outermost they go out. Made before any lock
/// is taken, it keeps the sink, which may be a VMM's function and call us, from running with a lock
/// held.
class LogHold {
  public:
    LogHold() : threads_(outermost_) {
        if (!threads_) threads_ = this;
    }
    ~LogHold() {
        if (threads_ == this) threads_ = nullptr;  // what the sink logs goes out at once
        if (lines_) write_lines();
    }
    LogHold(const LogHold&) = delete;
    LogHold& operator=(const LogHold&) = delete;

  private:
    friend void log_line(LogLevel level, std::string_view text);
    using Lines = std::vector<std::pair<LogLevel, std::string>>;
    void keep(LogLevel level, std::string_view text);
    void write_lines() noexcept;

    static constinit thread_local LogHold* outermost_;  // of this thread
    LogHold*& threads_;               // outermost_, which a shared library calls a function for
    mutable Lines* lines_ = nullptr;  // owned; null: none. Holds are const, and collect lines
};

/// The same for a line that a guest can cause: all of them together are limited (LogBudget), and
/// it is said how many were dropped.
void log_guest_line(LogLevel level, std::string_view text, LogAsker asker = {});

/// Never throws. If memory runs out, the line is dropped.
template <typename... Args>
void log(LogLevel level, fmt::format_string<Args...> text, Args&&... args) noexcept try {
    if (log_enabled(level)) log_line(level, fmt::format(text, std::forward<Args>(args)...));
} catch (...) {
}

/// Never throws. For what a guest can cause, as far as there are lines for `asker`.
template <typename... Args>
void log_for(LogAsker asker, LogLevel level, fmt::format_string<Args...> text,
             Args&&... args) noexcept try {
    if (log_enabled(level))
        log_guest_line(level, fmt::format(text, std::forward<Args>(args)...), asker);
} catch (...) {
}

template <typename... Args>
void log_guest(LogLevel level, fmt::format_string<Args...> text, Args&&... args) noexcept {
    log_for({}, level, text, std::forward<Args>(args)...);
}

/// The same for what the host reports of a guest, a lost context say: there are lines for it when
/// guests have used up theirs.
template <typename... Args>
void log_report(LogLevel level, fmt::format_string<Args...> text, Args&&... args) noexcept {
    log_for({.reports = true}, level, text, std::forward<Args>(args)...);
}

/// The text with all bytes escaped that are not plain ASCII: safe to print anywhere.
std::string printable(std::string_view text);
/// At most 64 bytes of a guest's text, up to the first NUL, printable. Backslashes are escaped too:
/// no other text gives the same.
std::string sanitise(std::string_view guest_text);

/// Decides which occurrence of a cause is worth a line: the 1st, 10th, 100th, ... One limiter per
/// context, so that no guest can flood the log or silence another. Not thread-safe.
class LogLimiter {
  public:
    /// Counts one occurrence of `cause` (a string literal). Returns its number if it should be
    /// logged, else 0.
    uint64_t admit(const char* cause);

    /// Counts, and logs with the occurrence's number when it is worth it. Never throws.
    template <typename... Args>
    void log(LogLevel level, const char* cause, fmt::format_string<Args...> text,
             Args&&... args) noexcept try {
        const uint64_t nth = admit(cause);
        if (nth == 0 || !log_enabled(level)) return;
        auto line = fmt::format(text, std::forward<Args>(args)...);
        if (nth > 1) line += fmt::format(" (for the {}th time)", nth);
        log_guest_line(level, line);
    } catch (...) {
    }

  private:
    std::map<const char*, uint64_t> counts_;
};

/// A LogLimiter for several threads.
class SharedLogLimiter {
  public:
    template <typename... Args>
    void log(LogLevel level, const char* cause, fmt::format_string<Args...> text,
             Args&&... args) noexcept try {
        const std::lock_guard lock(mutex_);
        limiter_.log(level, cause, text, std::forward<Args>(args)...);
    } catch (...) {
    }

  private:
    std::mutex mutex_;
    LogLimiter limiter_;
};

}  // namespace viaduct
