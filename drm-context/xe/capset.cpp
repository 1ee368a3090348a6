// The xe member of the capability set: from it the guest's Mesa finds its description of the GPU.
#include "drm-context/device/pci_slot.h"
#include "drm-context/xe/xe_context.h"

namespace viaduct::xe {

Status fill_capset(Device& device, wire::CapsetDrm& capset) {
    const auto slot = read_pci_slot(device);
    if (!slot) return tl::unexpected(slot.error());
    struct Config {
        uapi::xe::QueryCount count;
        uint64_t info[uapi::xe::kConfigValues];
    } config{};
    uapi::xe::DeviceQuery query{};
    query.query = uapi::xe::kQueryConfig;
    query.size = sizeof(config);
    query.data = reinterpret_cast<uint64_t>(&config);
    if (const int error = device.ioctl(uapi::xe::kDeviceQuery, &query); error < 0)
        return fail(ENOTSUP, "cannot query the xe device (errno {})", -error);
    const uint64_t ids = config.info[uapi::xe::kConfigRevAndDeviceId];
    capset.wire_format_version = wire::xe::kWireFormatVersion;
    capset.set_member(wire::xe::Capset{.pci_bus = slot->bus,
                                       .pci_dev = slot->device,
                                       .pci_func = slot->function,
                                       .pci_revision_id = static_cast<uint32_t>(ids >> 16) & 0xff,
                                       .pci_domain = slot->domain,
                                       .pci_device_id = static_cast<uint32_t>(ids & 0xffff)});
    return {};
}

}  // namespace viaduct::xe
