#include "drm-context/worker/spare_processor.h"

#include <ctime>

namespace viaduct {

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

// The clock of processor time costs a system call: it is asked only after the other one says that
// the thread has been awake for long. Awake alone means little, since it may have waited to run.
void SpareProcessor::worked(int64_t now_ns) {
    if (now_ns - looked_at_ < kBusyTime) return;
    looked_at_ = now_ns;
    const int64_t ran = kernel_.processor_time();
    if (ran_before_ < 0) {
        ran_before_ = ran;
    } else if (ran - ran_before_ >= kBusyTime) {
        ran_before_ = ran;
        busy_until_ = now_ns + kCalmTime;
        if (!spares_) leave();
    }
}

void SpareProcessor::slept(int64_t now_ns) {
    looked_at_ = now_ns;
    ran_before_ = -1;
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
