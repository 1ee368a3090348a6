// DeviceSource: what a worker gets its file on the GPU from. It can cross into another process.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "drm-context/device/device.h"

namespace viaduct {

/// An open file of a render node, or the name of a simulated GPU.
struct DeviceSource {
    UniqueFd node;
    std::string simulated;  // "renoir"; empty: `node` it is
};

/// Gives one more file on the chosen GPU.
using OpenDevice = std::function<Result<DeviceSource>()>;

/// Turns a source into a device of this process. ENODEV: it is none.
Result<std::unique_ptr<Device>> open_device(DeviceSource source);

}  // namespace viaduct
