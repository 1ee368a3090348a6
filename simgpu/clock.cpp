#include "simgpu/clock.h"

#include <ctime>

namespace simgpu {

namespace {

constexpr uint64_t kNanosecondsPerTick = 10;  // 100 MHz, as the header promises

uint64_t read_clock(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

uint64_t monotonic_ns() {
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t thread_cpu_ns() {
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t gpu_clock() {
    return monotonic_ns() / kNanosecondsPerTick;
}

}  // namespace simgpu
