// Waiting for sync files.
#pragma once

#include <poll.h>

#include "base/unique_fd.h"

namespace viaduct::test {

/// Within so many milliseconds.
inline bool has_signalled(const UniqueFd& sync_file, int most_ms = 0) {
    pollfd entry{sync_file.get(), POLLIN, 0};
    return ::poll(&entry, 1, most_ms) > 0;
}

/// Fences pass from a descriptor to the next on a thread of the simulated GPU's.
inline bool signals(const UniqueFd& sync_file) {
    return has_signalled(sync_file, 10'000);
}

}  // namespace viaduct::test
