#include "blob/log.h"

#include <atomic>
#include <cstdio>
#include <mutex>

namespace viaduct {

namespace {

std::atomic<LogLevel> g_level{LogLevel::kWarning};

// Function-local and never destroyed: a library's static destructors may still log.
struct Sink {
    std::mutex mutex;
    LogSink write;
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

}  // namespace

void set_log_sink(LogSink write) {
    const std::lock_guard lock(sink().mutex);
    sink().write = std::move(write);
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
    const std::lock_guard lock(sink().mutex);
    if (sink().write)
        sink().write(level, text);
    else
        fmt::print(stderr, "viaduct: {}: {}\n", level_name(level), text);
}

std::string sanitise(std::string_view guest_text) {
    std::string out;
    for (const char c : guest_text.substr(0, kMaxGuestText)) {
        if (c == '\0') break;
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte >= 0x7f || c == '\\')
            out += fmt::format("\\x{:02x}", byte);
        else
            out += c;
    }
    return out;
}

uint64_t LogLimiter::admit(const char* cause) {
    const uint64_t nth = ++counts_[cause];
    for (uint64_t power = 1; power <= nth; power *= 10)
        if (power == nth) return nth;
    return 0;
}

}  // namespace viaduct
