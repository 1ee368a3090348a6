#include "drm-context/context/busy_meter.h"

#include <algorithm>

namespace viaduct {

namespace {

// A share is kept by these figures; without one only people read them. The kernel locks the root of
// the page tables for each answer, and before Linux 6.14 walks all buffers (amdgpu_vm_get_memory).
constexpr int64_t kIntervalWithShare = 1'000'000;  // ns
constexpr int64_t kInterval = 250'000'000;         // ns

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
    next_ns_ = now_ns + (account_.limits().limits_gpu_time() ? kIntervalWithShare : kInterval);
    const BusyTimes times = device_.busy_times();
    for (size_t i = 0; i < times.size(); ++i) {
        const auto which = static_cast<QueueClass>(i);
        if (times[i] > last_[i]) account_.book_busy(which, times[i] - last_[i]);
        last_[i] = std::max(last_[i], times[i]);  // a driver may lose count
        account_.pay(which, estimates_[i].take_due(last_[i], rings_.outstanding(which) == 0));
    }
}

void BusyMeter::add_job(ExecutionEstimate::Job job) {
    job.previous_ns = account_.exchange_finish(job.ring, job.finished_ns);
    estimates_[static_cast<size_t>(rings_.class_of(job.ring))].add(job);
}

}  // namespace viaduct
