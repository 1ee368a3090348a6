// SyncTimeline: a DRM timeline syncobj, for explicit synchronisation with a compositor.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"

namespace viaduct::wayland {

/// A row of points that signal one by one. Interfaces, so that tests can play the kernel.
class SyncTimeline {
  public:
    virtual ~SyncTimeline() = default;
    /// The descriptor for the compositor; borrowed.
    virtual int fd() const = 0;
    /// Lets `point` signal with `sync_file` (borrowed), or at once if that is -1.
    virtual Status set_point(uint64_t point, int sync_file) = 0;
    /// A descriptor that gets readable when `point` signals, also if nothing will signal it yet.
    virtual Result<UniqueFd> event_at(uint64_t point) = 0;
};

class SyncDevice {
  public:
    virtual ~SyncDevice() = default;
    virtual Result<std::unique_ptr<SyncTimeline>> create_timeline() = 0;

    /// The DRM node with device number `device`. ENOTSUP: its kernel cannot report points by
    /// eventfd (Linux 6.6), without which a release would have to be waited for.
    static Result<std::unique_ptr<SyncDevice>> open(dev_t device);
    /// The node at a path.
    static Result<std::unique_ptr<SyncDevice>> open(const char* path);
};

}  // namespace viaduct::wayland
