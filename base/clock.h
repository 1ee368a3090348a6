// The clock of everything that is measured or accounted.
#pragma once

#include <chrono>
#include <cstdint>

namespace viaduct {

/// CLOCK_MONOTONIC in nanoseconds: the same in all processes of a machine.
inline int64_t monotonic_ns() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

}  // namespace viaduct
