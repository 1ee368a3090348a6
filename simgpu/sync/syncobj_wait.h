// Waiting for points of syncobjs: the kernel's WAIT, TIMELINE_WAIT and EVENTFD.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "base/unique_fd.h"
#include "simgpu/sync/syncobj_object.h"

namespace simgpu::drm {

struct SyncobjPoint {
    SyncobjPtr object;
    uint64_t point = 0;
};

struct SyncobjWait {
    std::vector<SyncobjPoint> points;
    bool all = false;         // else any
    bool for_submit = false;  // a fence that is not there yet is waited for, else -EINVAL
    bool available = false;   // content with the fence being there
    std::chrono::steady_clock::time_point deadline;
};

/// 0, -ETIME or -EINVAL. On success `*first` is the index of a point that was satisfied.
int wait_syncobjs(const SyncobjWait& wait, uint32_t* first);

/// Writes 1 to `eventfd` once the point is reached (`available`: submitted).
void notify_eventfd(const SyncobjPoint& point, bool available, viaduct::UniqueFd eventfd);

}  // namespace simgpu::drm
