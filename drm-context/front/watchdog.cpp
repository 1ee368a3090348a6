#include "drm-context/front/watchdog.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace viaduct {

std::optional<ThreadUse> thread_use(pid_t process, pid_t thread) {
    const std::string path = fmt::format("/proc/{}/task/{}/stat", process, thread);
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 1024> bytes{};
    if (!file || ::read(file.get(), bytes.data(), bytes.size() - 1) <= 0) return std::nullopt;
    // The name may have anything in it, but nothing behind it has a parenthesis (proc_pid_stat(5)).
    const std::string_view text(bytes.data());
    const size_t name_end = text.rfind(')');
    if (name_end == std::string_view::npos) return std::nullopt;
    char state = 0;
    unsigned long user = 0, system = 0;  // clock ticks
    if (std::sscanf(text.data() + name_end, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                    &state, &user, &system) != 3)
        return std::nullopt;
    static const auto ticks = static_cast<unsigned long>(::sysconf(_SC_CLK_TCK));
    return ThreadUse{std::chrono::milliseconds((user + system) * 1000 / ticks), state == 'R'};
}

void Watchdog::note_progress(Clock::time_point now) {
    stuck_ = {};
    looked_ = now;
    cpu_time_.reset();
}

void Watchdog::note_none(Clock::time_point now, std::optional<ThreadUse> use) {
    const auto passed = std::clamp<Clock::duration>(now - looked_, {}, longest_);
    stuck_ += use && use->runnable ? std::min(run_since_last_look(use->cpu_time), passed) : passed;
    looked_ = now;
    cpu_time_.reset();
    if (use) cpu_time_ = use->cpu_time;
}

Watchdog::Clock::duration Watchdog::run_since_last_look(std::chrono::milliseconds cpu_time) const {
    return cpu_time_ ? std::max<Clock::duration>(cpu_time - *cpu_time_, {}) : Clock::duration{};
}

}  // namespace viaduct
