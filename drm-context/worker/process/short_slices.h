// How the scheduler shares processors among workers that are always busy.
#pragma once

#include <cstdint>

namespace viaduct {

/// The time for which a worker's thread keeps a processor that others wait for, in ns: the shortest
/// that the kernel takes (Linux 6.12, kernel/sched/syscalls.c: __setparam_fair()).
inline constexpr uint64_t kWorkerSlice = 100'000;

/// Asks for kWorkerSlice, and the given niceness, for the calling thread and what it will start.
/// The default is some milliseconds, and a worker that wakes up waits for as many of them as there
/// are busy ones. Older kernels ignore it, and where an administrator chose a real-time class, it
/// stays.
void request_short_slices(int niceness);

}  // namespace viaduct
