// A simulated GPU as a Device.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "drm-context/device/device.h"

namespace viaduct {

/// Opens one more file of the simulated GPU `model` ("renoir", "vega10").
Result<std::unique_ptr<Device>> open_simulated_device(std::string_view model);

/// Removes what a VMM that was killed has left in /dev/shm. Its descriptors may be closed after
/// that by which its end was noticed: waits up to a tenth of a second for others to let go.
void remove_leftovers_of_simulated_devices();

}  // namespace viaduct
