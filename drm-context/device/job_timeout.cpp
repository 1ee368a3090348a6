#include "drm-context/device/job_timeout.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/unique_fd.h"
#include "simgpu/simgpu.h"

namespace viaduct {

namespace {

using std::chrono::milliseconds;

// amdgpu_device_get_job_timeout_settings(), Linux 6.13: gfx, compute, sdma, video. Later kernels
// have 2 s for all of them; nothing tells which a kernel has, and too long does less harm.
constexpr std::array<milliseconds, 4> kDefaults = {milliseconds(10'000), milliseconds(60'000),
                                                   milliseconds(10'000), milliseconds(10'000)};
constexpr size_t kCompute = 1;

constexpr char kParameter[] = "/sys/module/amdgpu/parameters/lockup_timeout";
// AMDGPU_MAX_TIMEOUT_PARAM_LENGTH is 256.
constexpr size_t kLongestText = 256;

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kSpace = " \t\n";
    const size_t first = text.find_first_not_of(kSpace);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// 0 keeps the default, a negative number disables the time-out.
std::optional<milliseconds> parse(std::string_view text, milliseconds otherwise) {
    text = trimmed(text);
    const bool hex = text.starts_with("0x");
    if (hex) text.remove_prefix(2);
    int64_t value = 0;
    const auto end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value, hex ? 16 : 10);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    if (value == 0) return otherwise;
    return value < 0 ? kNoJobTimeout : std::min(milliseconds(value), kNoJobTimeout);
}

}  // namespace

JobTimeout longest_lockup_timeout(std::string_view parameter) {
    auto timeouts = kDefaults;
    parameter = trimmed(parameter);
    size_t count = 0;
    for (; !parameter.empty() && count < timeouts.size(); ++count) {
        const size_t comma = parameter.find(',');
        const auto timeout = parse(parameter.substr(0, comma), timeouts[count]);
        if (!timeout) return std::ranges::max(kDefaults);
        timeouts[count] = *timeout;
        parameter = comma == std::string_view::npos ? "" : parameter.substr(comma + 1);
    }
    // A single value is for all but compute; kernels with one default of 2 s take it for compute
    // too.
    if (count == 1) {
        const auto compute = std::max(timeouts[0], timeouts[kCompute]);
        timeouts.fill(timeouts[0]);
        timeouts[kCompute] = compute;
    }
    return std::ranges::max(timeouts);
}

JobTimeout longest_job_timeout(std::string_view driver, bool simulated) {
    // Rounded up: a wait that ends too early is the worse one.
    if (simulated)
        return std::chrono::ceil<milliseconds>(
            std::chrono::nanoseconds(simgpu::longest_job_timeout_ns()));
    if (driver != "amdgpu") return std::ranges::max(kDefaults);
    const UniqueFd file(::open(kParameter, O_RDONLY | O_CLOEXEC));
    char text[kLongestText];
    const ssize_t size = file ? ::read(file.get(), text, sizeof(text)) : 0;
    return longest_lockup_timeout({text, static_cast<size_t>(std::max<ssize_t>(size, 0))});
}

}  // namespace viaduct
