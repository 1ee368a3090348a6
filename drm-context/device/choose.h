// Which GPU: from a person's wish to a way of opening it.
#pragma once

#include <string>
#include <string_view>

#include "blob/result.h"
#include "drm-context/device/device_source.h"

namespace viaduct {

struct GpuChoice {
    std::string description;  // for people: "/dev/dri/renderD128 (amdgpu)"
    OpenDevice open;
};

/// `wish`: "auto" (the first render node whose driver has a native context), a device path,
/// "pci:DDDD:BB:DD.F", or "sim:renoir" / "sim:vega10". EINVAL: the wish is none of these;
/// ENODEV: there is no such GPU. Both messages are for people.
Result<GpuChoice> choose_gpu(std::string_view wish);

}  // namespace viaduct
