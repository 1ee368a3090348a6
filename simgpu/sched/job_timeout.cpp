#include "simgpu/sched/job_timeout.h"

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "simgpu/log.h"

namespace simgpu::sched {

uint64_t job_timeout_ns() {
    constexpr uint64_t kDefaultMs = 10'000;
    constexpr uint64_t kLongestMs = 3'600'000;
    constexpr uint64_t kNsPerMs = 1'000'000;
    uint64_t milliseconds = kDefaultMs;
    if (const char* text = std::getenv("VIADUCT_SIMGPU_HANG_MS")) {
        const char* end = text + std::strlen(text);
        const auto parsed = std::from_chars(text, end, milliseconds);
        if (parsed.ec != std::errc() || parsed.ptr != end || milliseconds == 0 ||
            milliseconds > kLongestMs) {
            log("VIADUCT_SIMGPU_HANG_MS='{}' is not 1 to {} milliseconds: using {}", text,
                kLongestMs, kDefaultMs);
            milliseconds = kDefaultMs;
        }
    }
    return milliseconds * kNsPerMs;
}

}  // namespace simgpu::sched
