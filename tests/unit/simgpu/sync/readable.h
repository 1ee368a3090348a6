// Whether a descriptor has become readable.
#pragma once

#include <poll.h>

namespace simgpu::drm {

inline bool readable(int fd, int timeout_ms = 0) {
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, timeout_ms) == 1;
}

}  // namespace simgpu::drm
