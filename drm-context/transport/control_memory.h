// The memory of a control buffer ("shmem"): made by the front, so that a guest gets it before its
// worker runs; written by the worker (context/control_buffer.h) and read by the guest.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"

namespace viaduct::transport {

/// Guests ask for some tens of KiB (Mesa: src/virtio/vdrm); no VMM shall hold much more for one.
inline constexpr uint64_t kMaxControlMemory = 16 << 20;  // bytes

/// Whether a guest is offered what passes the front: wire::GuestRing and wire::FinishedWork.
enum class Shortcuts { kOffered, kHidden };

/// A sealed memfd of `size` bytes that names `area_offset` (DriverTraits::area_offset()) as the
/// place where responses begin (drm_hw.h: vdrm_shmem, rsp_mem_offset). EINVAL for sizes that cannot
/// work.
Result<UniqueFd> create_control_memory(uint64_t size, uint32_t area_offset,
                                       Shortcuts shortcuts = Shortcuts::kOffered);

}  // namespace viaduct::transport
