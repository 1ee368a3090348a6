#include <ctime>

#include "simgpu/engine/engine.h"

namespace simgpu {

namespace {
constexpr uint64_t kNanosecondsPerTick = 10;  // 100 MHz, as engine.h promises
}

uint64_t gpu_clock() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const auto nanoseconds =
        static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
    return nanoseconds / kNanosecondsPerTick;
}

}  // namespace simgpu
