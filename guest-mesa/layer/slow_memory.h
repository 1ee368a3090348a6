// Memory that a hypervisor plays.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace viaduct::guest {

/// Whether to look at `memory` again and again is dear: each access leaves the guest, as those to
/// the window of a Xen domain do. Takes the fastest of a few, since a guest is interrupted, too.
inline bool is_slow(const std::byte* memory) {
    constexpr int64_t kSlow = 5'000;  // ns; an access that takes so long is not one to memory
    int64_t fastest = INT64_MAX;
    for (int i = 0; i < 4; ++i) {
        const int64_t start = monotonic_ns();
        static_cast<void>(*static_cast<const volatile std::byte*>(memory));
        fastest = std::min(fastest, monotonic_ns() - start);
    }
    return fastest >= kSlow;
}

}  // namespace viaduct::guest
