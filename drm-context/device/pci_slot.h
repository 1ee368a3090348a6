// Where a device is on the PCI bus.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "drm-context/device/device.h"

namespace viaduct {

struct PciSlot {
    uint32_t domain = 0;
    uint32_t bus = 0;
    uint32_t device = 0;
    uint32_t function = 0;
};

/// From sysfs for a real node. A simulated GPU, whose file is not a device node, is where Intel's
/// integrated GPUs are. EINVAL: it is not a PCI device.
Result<PciSlot> read_pci_slot(const Device& device);

}  // namespace viaduct
