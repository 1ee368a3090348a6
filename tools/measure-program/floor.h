// The least that a crossing to another thread costs on this machine: the bytes of a submission are
// copied, the thread is woken, and it makes one system call.
#pragma once

#include <chrono>
#include <cstdint>

namespace viaduct::measure {

/// Time for `count` crossings. Starts a thread, and ends it. `wait`: each is answered by a wake-up
/// of the caller before the next begins; else the caller goes on, and wakes the thread only if it
/// sleeps.
std::chrono::nanoseconds floor_time(uint32_t count, bool wait);

}  // namespace viaduct::measure
