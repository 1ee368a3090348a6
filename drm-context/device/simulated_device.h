// A simulated GPU as a Device.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "drm-context/device/device.h"

namespace viaduct {

/// Opens one more file of the simulated GPU `model` ("renoir", "vega10").
Result<std::unique_ptr<Device>> open_simulated_device(std::string_view model);

}  // namespace viaduct
