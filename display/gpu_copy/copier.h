// Copier: a GPU that copies frames into buffers of another layout. An interface, so that tests can
// play one.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "display/frame.h"

namespace viaduct::gpu_copy {

/// The size and layout of a copy.
struct CopyKind {
    uint32_t width = 0;   // pixels
    uint32_t height = 0;  // pixels
    uint32_t fourcc = 0;  // drm_fourcc.h, DRM_FORMAT_*
    /// drm_fourcc.h, DRM_FORMAT_MOD_*: any of them will do. INVALID: whatever the GPU's driver
    /// takes when it is not told.
    std::vector<uint64_t> modifiers;
    bool operator==(const CopyKind&) const = default;
};

/// A buffer to copy into. Goes before its copier.
class CopyTarget {
  public:
    virtual ~CopyTarget() = default;
    /// Where its pixels are, all of them; descriptors are the target's.
    virtual FrameDescription description() const = 0;
};

/// All of it is used on one thread, on which it may wait for the GPU and its driver.
class Copier {
  public:
    virtual ~Copier() = default;
    /// ENOTSUP: the GPU has none of the kind.
    virtual Result<std::unique_ptr<CopyTarget>> make_target(const CopyKind& kind) = 0;
    /// Has the GPU copy the pixels of `frame`, of one plane of pixels, into a target of the same
    /// size, as soon as `fence` (a borrowed sync file; -1: none) has signalled. Gives a sync file
    /// that signals when they are there; an invalid one: they are. ENODEV: the GPU is lost for this
    /// copier; another error: for this frame.
    virtual Result<UniqueFd> copy(const Frame& frame, int fence, CopyTarget& target) = 0;
};

/// Opens the copier of the GPU with a device number; called on the thread that uses it.
using OpenCopier = std::function<Result<std::unique_ptr<Copier>>(dev_t)>;

}  // namespace viaduct::gpu_copy
