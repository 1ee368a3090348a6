#include "drm-context/account/execution_estimate.h"

#include <algorithm>
#include <span>

namespace viaduct {

namespace {

// The two bounds hold for sums; a balance over so much busy time keeps what a job of one moment
// saved from paying for another of much later.
constexpr uint64_t kBalanceNs = 100'000'000;

}  // namespace

void ExecutionEstimate::add(const Job& job) {
    // A previous end after this job's own end is false: another worker wrote it.
    const int64_t previous = job.previous_ns < job.finished_ns ? job.previous_ns : 0;
    const int64_t start = std::max(job.submitted_ns, previous);
    Past& now = past_[jobs_ % kPast];
    now = {job.ring, job.size, std::max<int64_t>(job.finished_ns - start, 0), 0};
    ++jobs_;
    int64_t shortest = now.span_ns;
    for (const Past& past : std::span(past_).first(std::min<uint64_t>(jobs_, kPast)))
        if (past.ring == job.ring && past.size == job.size)
            shortest = std::min(shortest, past.span_ns);
    now.estimate_ns = shortest;
    estimated_ns_ += static_cast<uint64_t>(shortest);
}

uint64_t ExecutionEstimate::take_due(uint64_t busy_ns, bool idle) {
    const uint64_t busy = busy_ns > balanced_busy_ns_ ? busy_ns - balanced_busy_ns_ : 0;
    const uint64_t most = busy + counted_early_ns_;
    const uint64_t owed = busy_ns == 0 ? estimated_ns_ : std::clamp(estimated_ns_, busy / 2, most);
    const uint64_t due = owed > paid_ns_ ? owed - paid_ns_ : 0;
    paid_ns_ += due;
    // Not in the middle of a job: half of its time so far is paid, and its estimate will come
    // whole.
    if (idle || (estimated_ns_ != 0 && busy >= kBalanceNs)) {
        balanced_busy_ns_ = std::max(balanced_busy_ns_, busy_ns);
        counted_early_ns_ = idle || busy_ns == 0 ? 0 : std::min(most - owed, busy);
        estimated_ns_ = paid_ns_ = 0;
    }
    return due;
}

int64_t ExecutionEstimate::typical_ns() const {
    const uint64_t count = std::min<uint64_t>(jobs_, kPast);
    int64_t sum = 0;
    for (const Past& past : std::span(past_).first(count)) sum += past.estimate_ns / kPast;
    return count == 0 ? 0 : sum / static_cast<int64_t>(count) * static_cast<int64_t>(kPast);
}

}  // namespace viaduct
