#include "simgpu/drm/runtime_pm.h"

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <thread>

#include "simgpu/clock.h"

namespace simgpu::drm {

namespace {

constexpr uint64_t kNsPerMs = 1'000'000;
constexpr uint64_t kAutosuspendMs = 5000;
constexpr uint64_t kMostMs = 3'600'000;

std::optional<uint64_t> parse_ms(std::string_view text) {
    uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec != std::errc() || parsed.ptr != end || value > kMostMs) return std::nullopt;
    return value;
}

}  // namespace

viaduct::Result<RuntimePm> parse_resume(std::string_view text) {
    if (text.empty()) return RuntimePm{};
    const size_t colon = text.find(':');
    const auto resume = parse_ms(text.substr(0, colon));
    const auto idle = colon == std::string_view::npos ? std::optional(kAutosuspendMs)
                                                      : parse_ms(text.substr(colon + 1));
    if (!resume || !idle)
        return viaduct::fail(EINVAL, "'{}' is not a time in milliseconds such as 300 or 300:50",
                             text);
    return RuntimePm{*resume * kNsPerMs, *idle * kNsPerMs};
}

void wake_device(shared::SharedDevice& device) {
    const char* text = std::getenv("VIADUCT_SIMGPU_RESUME_MS");
    if (!text) return;
    const RuntimePm pm = parse_resume(text).value_or(RuntimePm{});
    if (pm.resume_ns == 0) return;
    const uint64_t now = monotonic_ns();
    const uint64_t awake = device.awake_at(now, pm.resume_ns, pm.idle_ns);
    if (awake > now) std::this_thread::sleep_for(std::chrono::nanoseconds(awake - now));
}

}  // namespace simgpu::drm
