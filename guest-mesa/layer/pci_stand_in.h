// A device of libdrm's list that is on another bus, as a device on PCI: Mesa knows GPUs there only.
#pragma once

#include <xf86drm.h>

namespace viaduct::guest {

/// A PCI device with the nodes of `device` (virtio-mmio), in a single block, as drmFreeDevice()
/// wants it. The caller owns it; null without memory. Its vendor and device are 0. The place on the
/// bus is made up: device 0x1f, function 0, of the bus that the render node's number names, so that
/// two devices differ (drmDevicesEqual(), Vulkan's VK_EXT_pci_bus_info).
drmDevicePtr make_pci_stand_in(const drmDevice& device);

}  // namespace viaduct::guest
