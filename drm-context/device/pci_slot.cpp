#include "drm-context/device/pci_slot.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

namespace viaduct {

Result<PciSlot> read_pci_slot(const Device& device) {
    constexpr PciSlot kIntegrated{.domain = 0, .bus = 0, .device = 2, .function = 0};
    struct stat info {};
    if (::fstat(device.fd(), &info) != 0 || !S_ISCHR(info.st_mode)) return kIntegrated;
    constexpr std::string_view kKey = "PCI_SLOT_NAME=";
    std::ifstream uevent(
        fmt::format("/sys/dev/char/{}:{}/device/uevent", major(info.st_rdev), minor(info.st_rdev)));
    for (std::string line; std::getline(uevent, line);) {
        if (!line.starts_with(kKey)) continue;
        PciSlot slot;
        if (std::sscanf(line.c_str() + kKey.size(), "%x:%x:%x.%x", &slot.domain, &slot.bus,
                        &slot.device, &slot.function) == 4)
            return slot;
    }
    return fail(EINVAL, "the GPU is not a PCI device");
}

}  // namespace viaduct
