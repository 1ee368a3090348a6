// InFence: what the next submission of a context has to wait for.
#pragma once

#include <cstdint>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "drm-context/device/device.h"

namespace viaduct {

/// Sync files that a guest attached to its next submission, merged into one. Used by the worker's
/// thread only.
class InFence {
  public:
    explicit InFence(Device& device) : device_(device) {}

    Status add(UniqueFd sync_file);
    /// For a submission, which consumes it whether it succeeds or not; invalid if there is none.
    UniqueFd take() { return std::move(pending_); }
    /// A syncobj with the fence of `sync_file`, for one submission: the next call uses it again.
    Result<uint32_t> to_syncobj(const UniqueFd& sync_file);

  private:
    Device& device_;
    UniqueFd pending_;
    uint32_t syncobj_ = 0;  // 0: not made yet
};

}  // namespace viaduct
