// The clock that the kernel's timeouts are in.
#pragma once

#include <cstdint>
#include <ctime>

namespace viaduct::guest {

/// CLOCK_MONOTONIC in nanoseconds.
inline int64_t monotonic_now() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

}  // namespace viaduct::guest
