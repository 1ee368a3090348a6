#include "drm-context/worker/spare_processor.h"

#include <algorithm>
#include <ctime>

namespace viaduct {

namespace {

constexpr int64_t kLookInterval = SpareProcessor::kBusyTime / 2;  // ns

}  // namespace

SpareProcessor::Kernel SpareProcessor::kernel() {
    return {
        .processor_time = []() -> int64_t {
            timespec time{};
            ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
            return time.tv_sec * 1'000'000'000 + time.tv_nsec;
        },
        .get = [](cpu_set_t& set) { return ::sched_getaffinity(0, sizeof(set), &set) == 0; },
        .set = [](const cpu_set_t& set) { (void)::sched_setaffinity(0, sizeof(set), &set); },
    };
}

// The clock of processor time costs a system call: it is asked once in kLookInterval at most.
void SpareProcessor::worked(int64_t now_ns) {
    const int64_t passed = now_ns - looked_at_;
    if (passed < kLookInterval) return;
    looked_at_ = now_ns;
    const int64_t ran = kernel_.processor_time();
    const int64_t used = ran_before_ < 0 ? 0 : ran - ran_before_;
    ran_before_ = ran;
    excess_ = std::clamp<int64_t>(excess_ + used - passed / kShare, 0, kBusyTime);
    if (excess_ < kBusyTime) return;
    busy_until_ = now_ns + kCalmTime;
    if (!spares_) leave();
}

void SpareProcessor::slept(int64_t now_ns) {
    worked(now_ns);
    if (!spares_ || now_ns < busy_until_) return;
    spares_ = false;
    kernel_.set(all_);
}

void SpareProcessor::leave() {
    if (!kernel_.get(all_) || CPU_COUNT(&all_) < 2) return;
    cpu_set_t rest = all_;
    for (size_t processor = 0; processor < CPU_SETSIZE; ++processor)
        if (CPU_ISSET(processor, &rest)) {
            CPU_CLR(processor, &rest);
            break;
        }
    spares_ = true;
    kernel_.set(rest);
}

}  // namespace viaduct
