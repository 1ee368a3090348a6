// Waits for descriptors to become readable, on one thread for the whole process.
#pragma once

#include <functional>
#include <memory>

#include "base/unique_fd.h"

namespace simgpu::drm {

/// Runs `ready` once, on the watcher's thread with no lock held, when `fd` polls readable or its
/// peer has gone. Watching ends with that, or when the returned handle goes (then `ready` does not
/// start any more, but may still be running). Null if the kernel has no room left.
std::shared_ptr<void> watch_descriptor(viaduct::UniqueFd fd, std::function<void()> ready);

}  // namespace simgpu::drm
