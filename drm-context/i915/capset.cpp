#include "drm-context/i915/capset.h"

#include "drm-context/device/pci_slot.h"
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
        return fail(ENOTSUP, "cannot query the i915 device (parameter {}, errno {})", param,
                    -error);
    to = static_cast<uint32_t>(value);
    return {};
}

}  // namespace

Status fill_capset(Device& device, wire::CapsetDrm& capset) {
    const auto slot = read_pci_slot(device);
    if (!slot) return tl::unexpected(slot.error());
    wire::i915::Capset member{};
    member.pci_domain = slot->domain;
    member.pci_bus = slot->bus;
    member.pci_dev = slot->device;
    member.pci_func = slot->function;
    if (Status status = read_param(device, I915_PARAM_CHIPSET_ID, member.pci_device_id); !status)
        return status;
    if (Status status = read_param(device, I915_PARAM_REVISION, member.pci_revision_id); !status)
        return status;
    capset.wire_format_version = wire::i915::kWireFormatVersion;
    capset.set_member(member);
    return {};
}

}  // namespace viaduct::i915
