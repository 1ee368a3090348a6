// ExplicitSync: acquire and release points of linux-drm-syncobj for the frames of one surface.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "display/wayland/buffer_cache.h"
#include "display/wayland/protocol.h"
#include "display/wayland/sync_timeline.h"

namespace viaduct::wayland {

/// Once points were set on a surface, each commit with a dma-buf needs both, and a commit of a
/// wl_shm buffer may have none: suspend() before such a one.
class ExplicitSync {
  public:
    /// `manager` and `surface` are borrowed.
    ExplicitSync(wp_linux_drm_syncobj_manager_v1* manager, wl_surface* surface,
                 std::unique_ptr<SyncDevice> device)
        : manager_(manager), surface_(surface), device_(std::move(device)) {}

    /// Makes the buffer's timelines, unless they are there, and lets its next acquire point signal
    /// with `fence` (borrowed; -1: at once). Nothing is sent for the surface yet.
    Status prepare(Buffer& buffer, int fence);
    /// Sets both points for the commit that follows. The descriptor gets readable when the
    /// compositor no longer reads the buffer.
    Result<UniqueFd> set_points(Buffer& buffer);
    /// Commits that follow need no points.
    void suspend() { surface_sync_.reset(); }
    /// The compositor has made use of the last commit.
    void frame_used() { proven_ |= points_set_; }
    /// The compositor was sent a timeline, and has not yet used a frame with points.
    bool unproven() const { return timeline_sent_ && !proven_; }

  private:
    Status make_timelines(Buffer& buffer);

    wp_linux_drm_syncobj_manager_v1* manager_;
    wl_surface* surface_;
    std::unique_ptr<SyncDevice> device_;
    SyncobjSurface surface_sync_;  // one at a time (error surface_exists)
    bool timeline_sent_ = false;
    bool points_set_ = false;
    bool proven_ = false;
};

}  // namespace viaduct::wayland
