#include "drm-context/worker/process/short_slices.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace viaduct {

namespace {

/// linux/sched/types.h, SCHED_ATTR_SIZE_VER0: that header and <sched.h> define the same types.
struct SchedAttr {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime;  // of a task without a deadline: its slice
    uint64_t deadline;
    uint64_t period;
};

constexpr int kSchedOther = 0;

}  // namespace

void request_short_slices(int niceness) {
    if (::syscall(SYS_sched_getscheduler, 0) != kSchedOther) return;
    SchedAttr wanted{};
    wanted.size = sizeof(wanted);
    wanted.policy = kSchedOther;
    wanted.nice = niceness;
    wanted.runtime = kWorkerSlice;
    (void)::syscall(SYS_sched_setattr, 0, &wanted, 0);
}

}  // namespace viaduct
