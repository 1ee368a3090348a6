#include "base/log.h"

#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>

#include "base/log_budget.h"

namespace viaduct {

namespace {

std::atomic<LogLevel> g_level{LogLevel::kWarning};

// Function-local and never destroyed: a library's static destructors may still log.
struct Sink {
    std::mutex mutex;  // never held while a sink runs
    std::shared_ptr<const LogSink> write;
    LogBudget guests;
};

Sink& sink() {
    static Sink& instance = *new Sink;
    return instance;
}

const char* level_name(LogLevel level) {
    static constexpr const char* kNames[] = {"debug", "info", "warning", "error", "silent"};
    return kNames[static_cast<size_t>(level)];
}

constexpr size_t kMaxGuestText = 64;

std::string escape(std::string_view text, std::string_view also) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte >= 0x7f || also.find(c) != also.npos)
            out += fmt::format("\\x{:02x}", byte);
        else
            out += c;
    }
    return out;
}

void write_line(LogLevel level, std::string_view text) {
    std::shared_ptr<const LogSink> write;
    {
        const std::lock_guard lock(sink().mutex);
        write = sink().write;
    }
    if (write)
        (*write)(level, text);
    else
        fmt::print(stderr, "viaduct: {}: {}\n", level_name(level), text);
}

}  // namespace

void set_log_sink(LogSink write) {
    auto next = write ? std::make_shared<const LogSink>(std::move(write)) : nullptr;
    const std::lock_guard lock(sink().mutex);
    sink().write.swap(next);
    sink().guests = {};
    // `next`, now the old one, ends after the lock is released.
}

constinit thread_local LogHold* LogHold::outermost_ = nullptr;

void LogHold::keep(LogLevel level, std::string_view text) {
    if (!lines_) lines_ = new Lines;
    lines_->emplace_back(level, text);
}

void LogHold::write_lines() noexcept {
    const std::unique_ptr<const Lines> lines(lines_);
    for (const auto& [level, text] : *lines) {
        try {
            write_line(level, text);
        } catch (...) {  // as in log(): that line is not there
        }
    }
}

void set_log_level(LogLevel level) {
    g_level.store(level, std::memory_order_relaxed);
}

LogLevel log_level() {
    return g_level.load(std::memory_order_relaxed);
}

bool log_enabled(LogLevel level) {
    return level != LogLevel::kSilent && level >= g_level.load(std::memory_order_relaxed);
}

void log_line(LogLevel level, std::string_view text) {
    if (!log_enabled(level)) return;
    if (LogHold* hold = LogHold::outermost_)
        hold->keep(level, text);
    else
        write_line(level, text);
}

void log_guest_line(LogLevel level, std::string_view text, LogAsker asker) {
    if (!log_enabled(level)) return;
    std::optional<uint64_t> dropped;
    {
        const std::lock_guard lock(sink().mutex);
        dropped = sink().guests.take(LogBudget::Clock::now(), asker);
    }
    if (!dropped) return;
    if (*dropped == 0) return log_line(level, text);
    log_line(level,
             fmt::format("{} ({} earlier lines caused by guests were dropped by the rate limit)",
                         text, *dropped));
}

std::string printable(std::string_view text) {
    return escape(text, "");
}

std::string sanitise(std::string_view guest_text) {
    guest_text = guest_text.substr(0, kMaxGuestText);
    return escape(guest_text.substr(0, guest_text.find('\0')), "\\");
}

uint64_t LogLimiter::admit(const char* cause) {
    const uint64_t nth = ++counts_[cause];
    for (uint64_t power = 1; power <= nth; power *= 10)
        if (power == nth) return nth;
    return 0;
}

}  // namespace viaduct
