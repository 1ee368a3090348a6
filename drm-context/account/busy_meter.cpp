#include "drm-context/account/busy_meter.h"

namespace viaduct {

namespace {

constexpr int64_t kInterval = 1'000'000;  // ns

}  // namespace

void BusyMeter::note_work(int64_t now_ns) {
    stale_ = true;
    measure_if_due(now_ns);
}

void BusyMeter::measure_if_due(int64_t now_ns) {
    if (stale_ && now_ns >= next_ns_) measure(now_ns);
}

void BusyMeter::measure(int64_t now_ns) {
    stale_ = false;
    next_ns_ = now_ns + kInterval;
    const BusyTimes times = device_.busy_times();
    for (size_t i = 0; i < times.size(); ++i) {
        if (times[i] <= last_[i]) continue;  // it stands still, or the driver lost count
        account_.book_busy(static_cast<QueueClass>(i), times[i] - last_[i]);
        last_[i] = times[i];
    }
}

}  // namespace viaduct
