// The barrier of a thread group: signalled by a message to the gateway, awaited by "sync bar".
#pragma once

#include "simgpu/intel/eu/exec/thread.h"

namespace simgpu::intel::eu {

inline void signal_barrier(Thread& thread) {
    Group& group = *thread.group;
    thread.barrier_awaited = group.barriers_passed + 1;
    if (++group.arrived < group.threads) return;
    group.arrived = 0;
    group.barriers_passed++;
}

/// Ends the thread's turn unless all threads have signalled.
inline void wait_at_barrier(Thread& thread) {
    if (thread.group->barriers_passed < thread.barrier_awaited)
        thread.status = Thread::Status::kBarrier;
}

}  // namespace simgpu::intel::eu
