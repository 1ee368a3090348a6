// Runtime power management: a GPU that nobody has used for a while is asleep, and waking it takes
// time (Linux: such as amdgpu_drm_ioctl(), amdgpu_driver_open_kms()).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "simgpu/shared/device.h"

namespace simgpu::drm {

/// How long waking takes and when the device falls asleep, in nanoseconds.
struct RuntimePm {
    uint64_t resume_ns = 0;  // 0: never asleep
    uint64_t idle_ns = 0;
};

/// "300": waking takes 300 ms, after the kernel's 5 s of idling (amdgpu_kms.c,
/// pm_runtime_set_autosuspend_delay()); "300:50": after 50 ms of it. An empty text: never asleep.
/// EINVAL and one sentence for anything else.
viaduct::Result<RuntimePm> parse_resume(std::string_view text);

/// Before the open or the ioctl of any file: returns once the device is awake, according to
/// $VIADUCT_SIMGPU_RESUME_MS. All processes wait for the same resume.
void wake_device(shared::SharedDevice& device);

}  // namespace simgpu::drm
