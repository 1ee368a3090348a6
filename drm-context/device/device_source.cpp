#include "drm-context/device/device_source.h"

#include "drm-context/device/render_node.h"
#include "drm-context/device/simulated_device.h"

namespace viaduct {

Result<std::unique_ptr<Device>> open_device(DeviceSource source) {
    if (!source.simulated.empty()) return open_simulated_device(source.simulated);
    return open_render_node(std::move(source.node));
}

}  // namespace viaduct
