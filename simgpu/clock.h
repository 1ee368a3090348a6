// The clocks that simulated GPUs go by.
#pragma once

#include <cstdint>

namespace simgpu {

/// CLOCK_MONOTONIC in nanoseconds.
uint64_t monotonic_ns();
/// Time that the calling thread has spent on a processor, in nanoseconds.
uint64_t thread_cpu_ns();
/// The GPU's free-running counter: 100 MHz, from CLOCK_MONOTONIC.
uint64_t gpu_clock();

}  // namespace simgpu
