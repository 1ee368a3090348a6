// The node's syncobjs, which the layer uses to know how far the GPU is.
#pragma once

#include <cstdint>
#include <span>

#include "guest-mesa/layer/kernel.h"

namespace viaduct::guest::syncobj {

// Each is one ioctl of <drm.h>. Results are 0 (or the descriptor) or a negative errno.

int create(const Channel& channel, uint32_t& handle);
int destroy(const Channel& channel, uint32_t handle);
/// Waits for points until `deadline` (CLOCK_MONOTONIC, ns; negative or past: only asks). -ETIME
/// when it passes. `flags` are DRM_SYNCOBJ_WAIT_FLAGS_*; `first` gets the first one signalled.
int wait(const Channel& channel, std::span<const uint32_t> handles,
         std::span<const uint64_t> points, int64_t deadline, uint32_t flags = 0,
         uint32_t* first = nullptr);
/// The newest point that has been reached.
int query(const Channel& channel, uint32_t handle, uint64_t& point);
/// Makes `destination` (binary) hold the fence of `point` of `source`.
int copy_point(const Channel& channel, uint32_t source, uint64_t point, uint32_t destination);
int signal_point(const Channel& channel, uint32_t handle, uint64_t point);
/// Gives a binary one a fence that has signalled.
int signal(const Channel& channel, uint32_t handle);
/// A descriptor of the syncobj itself, or of the fence that it holds now (a sync file).
int export_fd(const Channel& channel, uint32_t handle, uint32_t flags);

}  // namespace viaduct::guest::syncobj
