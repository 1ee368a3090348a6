#include "drm-context/i915/capset.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <string>

#include "drm-context/i915/uapi.h"
#include "wire/i915.h"

namespace viaduct::i915 {

namespace {

Status read_param(Device& device, int32_t param, uint32_t& to) {
    int value = 0;
    drm_i915_getparam_t args{};
    args.param = param;
    args.value = &value;
    if (const int error = device.ioctl(DRM_IOCTL_I915_GETPARAM, &args); error < 0)
        return fail(ENOTSUP, "the i915 driver does not name its device (parameter {}, errno {})",
                    param, -error);
    to = static_cast<uint32_t>(value);
    return {};
}

/// "0000:00:02.0" as numbers.
bool parse_slot(const std::string& name, wire::i915::Capset& member) {
    return std::sscanf(name.c_str(), "%x:%x:%x.%x", &member.pci_domain, &member.pci_bus,
                       &member.pci_dev, &member.pci_func) == 4;
}

/// A real node's place on the bus, from sysfs. A simulated GPU, whose file is no device node, is
/// where Intel's integrated ones are.
Status read_slot(Device& device, wire::i915::Capset& member) {
    constexpr const char* kIntegrated = "0000:00:02.0";
    struct stat info {};
    if (::fstat(device.fd(), &info) != 0 || !S_ISCHR(info.st_mode)) {
        parse_slot(kIntegrated, member);
        return {};
    }
    constexpr std::string_view kKey = "PCI_SLOT_NAME=";
    std::ifstream uevent(
        fmt::format("/sys/dev/char/{}:{}/device/uevent", major(info.st_rdev), minor(info.st_rdev)));
    for (std::string line; std::getline(uevent, line);)
        if (line.starts_with(kKey) && parse_slot(line.substr(kKey.size()), member)) return {};
    return fail(EINVAL, "the GPU is not a PCI device");
}

}  // namespace

Status fill_capset(Device& device, wire::CapsetDrm& capset) {
    wire::i915::Capset member{};
    if (Status status = read_slot(device, member); !status) return status;
    if (Status status = read_param(device, I915_PARAM_CHIPSET_ID, member.pci_device_id); !status)
        return status;
    if (Status status = read_param(device, I915_PARAM_REVISION, member.pci_revision_id); !status)
        return status;
    capset.wire_format_version = wire::i915::kWireFormatVersion;
    capset.set_member(member);
    return {};
}

}  // namespace viaduct::i915
