#include "drm-context/device/busy_reader.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace viaduct {

namespace {

struct XeClass {
    std::string_view name;
    QueueClass which;
};
// xe_hw_engine_class_to_str().
constexpr std::array kXeClasses = {
    XeClass{"rcs", QueueClass::kGraphics}, XeClass{"bcs", QueueClass::kCopy},
    XeClass{"vcs", QueueClass::kVideo},    XeClass{"vecs", QueueClass::kVideo},
    XeClass{"ccs", QueueClass::kCompute},
};

struct CycleCounts {
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

CycleCounts parse_cycles(std::string_view fdinfo) {
    CycleCounts cycles;
    while (!fdinfo.empty()) {
        const size_t end = fdinfo.find('\n');
        const std::string_view line = fdinfo.substr(0, end);
        fdinfo.remove_prefix(end == std::string_view::npos ? fdinfo.size() : end + 1);
        std::string_view name;
        if (const auto total = parse_line(line, "drm-total-cycles-", &name))
            cycles.total = std::max(cycles.total, *total);
        const auto busy = parse_line(line, "drm-cycles-", &name);
        const auto engine = std::ranges::find(kXeClasses, name, &XeClass::name);
        if (busy && engine != kXeClasses.end())
            cycles.busy[static_cast<size_t>(engine->which)] += *busy;
    }
    return cycles;
}

}  // namespace

uint64_t BusyReader::ns_of_epoch(size_t which) const {
    return static_cast<uint64_t>(static_cast<double>(busy_[which] - epoch_->busy[which]) *
                                 ns_per_cycle_);
}

void BusyReader::begin_epoch(uint64_t total, int64_t now_ns) {
    if (epoch_)
        for (size_t i = 0; i < earlier_.size(); ++i) earlier_[i] += ns_of_epoch(i);
    // Before the first reading the client's cycles are of the same timestamp.
    epoch_ = {total, now_ns, busy_};
}

/// The timestamp's frequency never changes: the longest measurement is the best one.
void BusyReader::measure_cycle(uint64_t total, int64_t now_ns) {
    const uint64_t passed = total - epoch_->total;
    const int64_t took_ns = now_ns - epoch_->at_ns;
    if (passed == 0 || took_ns <= 0 || took_ns < measured_ns_) return;
    ns_per_cycle_ = static_cast<double>(took_ns) / static_cast<double>(passed);
    measured_ns_ = took_ns;
}

BusyTimes BusyReader::read(std::string_view fdinfo, int64_t now_ns) {
    BusyTimes times = parse_busy_times(fdinfo);
    const CycleCounts cycles = parse_cycles(fdinfo);
    if (cycles.total == 0) return times;
    if (!epoch_ || cycles.total < total_) begin_epoch(cycles.total, now_ns);
    total_ = cycles.total;
    for (size_t i = 0; i < busy_.size(); ++i) busy_[i] = std::max(busy_[i], cycles.busy[i]);
    measure_cycle(cycles.total, now_ns);
    for (size_t i = 0; i < times.size(); ++i) times[i] += earlier_[i] + ns_of_epoch(i);
    return times;
}

}  // namespace viaduct
