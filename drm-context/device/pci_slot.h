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

/// A real node's, from sysfs; a simulated GPU, whose file is no device node, is where Intel's
/// integrated ones are. EINVAL: it is not a PCI device.
Result<PciSlot> read_pci_slot(const Device& device);

}  // namespace viaduct
