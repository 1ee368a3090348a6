#include "drm-context/front/timing.h"

#include <algorithm>
#include <cstdlib>

namespace viaduct {

std::chrono::milliseconds milliseconds_from_environment(const char* variable,
                                                        std::chrono::milliseconds otherwise) {
    const char* text = std::getenv(variable);
    const long value = text ? std::strtol(text, nullptr, 10) : 0;
    return value > 0 ? std::chrono::milliseconds(value) : otherwise;
}

namespace {

constexpr char kDeadline[] = "VIADUCT_DEADLINE_MS";
constexpr char kWatchdog[] = "VIADUCT_WATCHDOG_MS";
// A reset of the whole GPU takes 1 to 5 s (amdgpu_device_gpu_recover), and what waited behind it
// must still run.
constexpr std::chrono::milliseconds kRecovery{10'000};

}  // namespace

std::chrono::milliseconds answer_time() {
    static const auto time =
        milliseconds_from_environment(kDeadline, std::chrono::milliseconds(750));
    return time;
}

std::chrono::milliseconds watchdog_time() {
    static const auto time =
        milliseconds_from_environment(kWatchdog, std::chrono::milliseconds(10'000));
    return time;
}

std::chrono::milliseconds check_interval() {
    return std::min(watchdog_time() / 4, std::chrono::milliseconds(1000));
}

std::chrono::milliseconds slow_worker_time(std::chrono::milliseconds job_timeout) {
    using std::chrono::milliseconds;
    static const bool set =
        milliseconds_from_environment(kWatchdog, milliseconds::max()) != milliseconds::max();
    if (set) return watchdog_time();
    return std::max(watchdog_time(), job_timeout + kRecovery);
}

}  // namespace viaduct
