// The kernel whose amdgpu driver the simulated device plays.
#pragma once

#include <string_view>

#include "base/result.h"

namespace simgpu::amdgpu {

inline constexpr const char* kDriverName = "amdgpu";

// Minor numbers of amdgpu's KMS interface (Linux: amdgpu_drv.c, KMS_DRIVER_MINOR).
inline constexpr int kKmsLinux613 = 59;
inline constexpr int kKmsLinux616 = 64;  // doorbell buffers, user queues

/// "3.59" or "3.64"; an empty text is 3.59. EINVAL and one sentence for anything else.
viaduct::Result<int> parse_kernel(std::string_view text);

/// The minor number that $VIADUCT_SIMGPU_KERNEL asks for, read at each call. File::open has refused
/// a value that makes no sense. Thread-safe.
int kms_minor();

/// True if the kernel reports user queues. GFX9 has none on any kernel: the answer is there so that
/// tests find hosts which pass it on to guests that cannot use them.
inline bool reports_user_queues() {
    return kms_minor() >= kKmsLinux616;
}

}  // namespace simgpu::amdgpu
