// Fences of other processes' work on shared buffers.
#pragma once

#include <memory>

#include "simgpu/shared/fence_board.h"
#include "simgpu/sync/fence.h"

namespace simgpu::drm {

/// A fence that signals, with 0, when the work has finished or its process has died. One thread per
/// process waits for all of them while there are any. Thread-safe.
FencePtr watch_remote_fence(const std::shared_ptr<shared::FenceBoard>& board,
                            const shared::FenceBoard::Post& post);

}  // namespace simgpu::drm
