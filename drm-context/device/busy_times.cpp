#include "drm-context/device/busy_times.h"

#include <charconv>

namespace viaduct {

namespace {

struct EngineName {
    std::string_view prefix;  // drivers number engines of a kind: "enc", "enc_1"
    QueueClass which;
};
// The first that fits. amdgpu, i915, msm and panfrost, as their fdinfo code calls them.
constexpr EngineName kEngines[] = {
    {"gfx", QueueClass::kGraphics},    {"render", QueueClass::kGraphics},
    {"gpu", QueueClass::kGraphics},    {"fragment", QueueClass::kGraphics},
    {"compute", QueueClass::kCompute}, {"dma", QueueClass::kCopy},
    {"copy", QueueClass::kCopy},       {"dec", QueueClass::kVideo},
    {"enc", QueueClass::kVideo},       {"jpeg", QueueClass::kVideo},
    {"video", QueueClass::kVideo},     {"vpe", QueueClass::kVideo},
    {"vertex", QueueClass::kGraphics},
};
constexpr std::string_view kLine = "drm-engine-";

void add_line(std::string_view line, BusyTimes& times) {
    if (!line.starts_with(kLine)) return;
    line.remove_prefix(kLine.size());
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string_view name = line.substr(0, colon);
    const size_t digit = line.find_first_of("0123456789", colon);
    uint64_t ns = 0;
    if (digit == std::string_view::npos) return;
    const auto parsed = std::from_chars(line.data() + digit, line.data() + line.size(), ns);
    // Other units are counts of cycles or capacities.
    if (std::string_view(parsed.ptr, line.data() + line.size()).substr(0, 3) != " ns") return;
    for (const EngineName& engine : kEngines) {
        if (!name.starts_with(engine.prefix)) continue;
        times[static_cast<size_t>(engine.which)] += ns;
        return;
    }
}

}  // namespace

BusyTimes parse_busy_times(std::string_view fdinfo) {
    BusyTimes times{};
    while (!fdinfo.empty()) {
        const size_t end = fdinfo.find('\n');
        add_line(fdinfo.substr(0, end), times);
        fdinfo.remove_prefix(end == std::string_view::npos ? fdinfo.size() : end + 1);
    }
    return times;
}

}  // namespace viaduct
