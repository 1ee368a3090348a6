// The amdgpu part of the capability set.
#pragma once

#include "base/result.h"
#include "drm-context/device/device.h"
#include "wire/capset.h"

namespace viaduct::amdgpu {

/// ENOTSUP unless the host's pages have the size that guests count in.
Status check_page_size(long bytes);

/// Sets amdgpu's member of `capset` to what libdrm's amdgpu_query_gpu_info() and its fellows would
/// tell. ENOTSUP if the kernel does not answer.
Status fill_capset(Device& device, wire::CapsetDrm& capset);

}  // namespace viaduct::amdgpu
