#include "renderer/log_output.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/log.h"

namespace viaduct {

namespace {

// A VMM's log callback; frees the VMM's data when the last user lets go.
struct Target {
    virgl_log_callback_type callback = nullptr;
    void* user_data = nullptr;
    virgl_free_data_callback_type free_data = nullptr;

    Target(virgl_log_callback_type c, void* u, virgl_free_data_callback_type f)
        : callback(c), user_data(u), free_data(f) {}
    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;
    ~Target() {
        if (free_data) free_data(user_data);
    }
};

struct Output {
    std::mutex mutex;
    std::shared_ptr<Target> target;
    virgl_debug_callback_type debug = nullptr;
    std::FILE* file = nullptr;  // never closed: lines may come until the very end
    std::optional<LogLevel> level_from_environment;
};

Output& output() {
    static Output& instance = *new Output;
    return instance;
}

std::optional<LogLevel> level_from_environment() {
    static constexpr struct {
        const char* name;
        LogLevel level;
    } kLevels[] = {{"debug", LogLevel::kDebug},
                   {"info", LogLevel::kInfo},
                   {"warning", LogLevel::kWarning},
                   {"error", LogLevel::kError},
                   {"silent", LogLevel::kSilent}};
    const char* wish = std::getenv("VIRGL_LOG_LEVEL");
    for (const auto& [name, level] : kLevels)
        if (wish && std::string_view(wish) == name) return level;
    return std::nullopt;
}

std::FILE* file_from_environment() {
    const char* wish = ::secure_getenv("VIRGL_LOG_FILE");
    if (!wish || !*wish) return nullptr;
    std::string path = wish;
    static constexpr std::string_view kPid = "%PID%";
    for (size_t at = 0; (at = path.find(kPid, at)) != std::string::npos;)
        path.replace(at, kPid.size(), std::to_string(::getpid()));
    return std::fopen(path.c_str(), "ae");
}

// The old callback takes a va_list, which only a variadic function can make.
__attribute__((format(printf, 2, 3))) void call_debug(virgl_debug_callback_type callback,
                                                      const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    callback(format, arguments);
    va_end(arguments);
}

void ignore_debug(const char*, va_list) {}

void write_line(LogLevel level, std::string_view text) {
    static constexpr const char* kNames[] = {"debug", "info", "warning", "error", "silent"};
    std::shared_ptr<Target> target;
    virgl_debug_callback_type debug = nullptr;
    std::FILE* file = nullptr;
    {
        const std::lock_guard lock(output().mutex);
        target = output().target;
        debug = output().debug;
        file = output().file;
    }
    const std::string line(text);
    if (target) {
        target->callback(static_cast<virgl_log_level_flags>(level), line.c_str(),
                         target->user_data);
    } else if (debug) {
        call_debug(debug, "%s\n", line.c_str());
    } else {
        fmt::print(file ? file : stderr, "viaduct: {}: {}\n", kNames[static_cast<size_t>(level)],
                   text);
        if (file) std::fflush(file);
    }
}

// Without a wish in the environment: what goes wrong to people, everything to a VMM that asked.
// With the lock held.
void apply_level() {
    const bool asked = output().target || output().debug;
    set_log_level(
        output().level_from_environment.value_or(asked ? LogLevel::kDebug : LogLevel::kWarning));
}

void release_target_at_exit() {
    std::shared_ptr<Target> old;  // ends after the lock is released
    const std::lock_guard lock(output().mutex);
    old = std::move(output().target);
}

}  // namespace

void configure_log() {
    static std::once_flag once;
    std::call_once(once, [] {
        {
            const std::lock_guard lock(output().mutex);
            output().level_from_environment = level_from_environment();
            output().file = file_from_environment();
            apply_level();
        }
        set_log_sink(write_line);
        std::atexit(release_target_at_exit);
    });
}

void set_log_callback(virgl_log_callback_type callback, void* user_data,
                      virgl_free_data_callback_type free_data) {
    configure_log();
    auto target = callback ? std::make_shared<Target>(callback, user_data, free_data) : nullptr;
    const std::lock_guard lock(output().mutex);
    output().target.swap(target);
    apply_level();
    // `target`, now the old one, ends after the lock is released.
}

virgl_debug_callback_type set_debug_callback(virgl_debug_callback_type callback) {
    configure_log();
    const std::lock_guard lock(output().mutex);
    const auto previous = std::exchange(output().debug, callback);
    apply_level();
    return previous ? previous : ignore_debug;
}

}  // namespace viaduct
