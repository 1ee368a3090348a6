#include "drm-context/device/busy_reader.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace viaduct {

namespace {

struct EngineName {
    std::string_view name;
    QueueClass which;
};
// xe_hw_engine_class_to_str().
constexpr std::array kEngines = {
    EngineName{"rcs", QueueClass::kGraphics}, EngineName{"bcs", QueueClass::kCopy},
    EngineName{"vcs", QueueClass::kVideo},    EngineName{"vecs", QueueClass::kVideo},
    EngineName{"ccs", QueueClass::kCompute},
};

struct Cycles {
    std::array<uint64_t, kQueueClasses> busy{};
    uint64_t total = 0;
};

/// The number of a line "KEY-NAME:\tNUMBER", and its NAME.
std::optional<uint64_t> parse_line(std::string_view line, std::string_view key,
                                   std::string_view* name) {
    if (!line.starts_with(key)) return std::nullopt;
    line.remove_prefix(key.size());
    const size_t colon = line.find(':');
    const size_t digit = line.find_first_of("0123456789", std::min(colon, line.size()));
    if (digit == std::string_view::npos) return std::nullopt;
    uint64_t number = 0;
    std::from_chars(line.data() + digit, line.data() + line.size(), number);
    *name = line.substr(0, colon);
    return number;
}

Cycles parse_cycles(std::string_view fdinfo) {
    Cycles cycles;
    while (!fdinfo.empty()) {
        const size_t end = fdinfo.find('\n');
        const std::string_view line = fdinfo.substr(0, end);
        fdinfo.remove_prefix(end == std::string_view::npos ? fdinfo.size() : end + 1);
        std::string_view name;
        if (const auto total = parse_line(line, "drm-total-cycles-", &name))
            cycles.total = std::max(cycles.total, *total);
        const auto busy = parse_line(line, "drm-cycles-", &name);
        const auto engine = std::ranges::find(kEngines, name, &EngineName::name);
        if (busy && engine != kEngines.end())
            cycles.busy[static_cast<size_t>(engine->which)] += *busy;
    }
    return cycles;
}

}  // namespace

BusyTimes BusyReader::read(std::string_view fdinfo, int64_t now_ns) {
    BusyTimes times = parse_busy_times(fdinfo);
    const Cycles cycles = parse_cycles(fdinfo);
    if (cycles.total == 0) return times;
    // The timestamp begins anew when the GPU has slept deeply.
    if (!first_ || cycles.total < first_->total) first_ = {cycles.total, now_ns};
    const uint64_t passed = cycles.total - first_->total;
    const int64_t took_ns = now_ns - first_->at_ns;
    if (passed == 0 || took_ns <= 0) return times;
    const double ns_per_cycle = static_cast<double>(took_ns) / static_cast<double>(passed);
    for (size_t i = 0; i < times.size(); ++i)
        times[i] += static_cast<uint64_t>(static_cast<double>(cycles.busy[i]) * ns_per_cycle);
    return times;
}

}  // namespace viaduct
