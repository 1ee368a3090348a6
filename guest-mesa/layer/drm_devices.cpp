// libdrm's device enumeration, in front of libdrm: a virtio-gpu device with a native context shows
// with the PCI identity of the host's GPU, because that is what drivers are chosen by.

#include <dlfcn.h>
#include <fcntl.h>
#include <xf86drm.h>

#include <cerrno>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "guest-mesa/layer/layer.h"
#include "guest-mesa/layer/native_identity.h"
#include "guest-mesa/layer/next_libc.h"
#include "guest-mesa/layer/node_probe.h"
#include "guest-mesa/layer/pci_stand_in.h"

namespace viaduct::guest {

namespace {

/// libdrm's own function. A driver that was loaded for itself alone (RTLD_LOCAL) has a libdrm that
/// RTLD_NEXT does not see.
template <typename Function>
Function* libdrm(const char* name) {
    if (void* next = ::dlsym(RTLD_NEXT, name)) return reinterpret_cast<Function*>(next);
    static void* const library = ::dlopen("libdrm.so.2", RTLD_NOW | RTLD_LOCAL);
    return library ? reinterpret_cast<Function*>(::dlsym(library, name)) : nullptr;
}

void show_as_native(drmDevicePtr& device) {
    if (!device || (device->bustype == DRM_BUS_PCI &&
                    device->deviceinfo.pci->vendor_id != 0x1af4 /* virtio */))
        return;
    if (!(device->available_nodes & (1 << DRM_NODE_RENDER))) return;
    const auto identity = native_identity(device->nodes[DRM_NODE_RENDER]);
    if (!identity) return;
    if (device->bustype != DRM_BUS_PCI) {
        drmDevicePtr replacement = make_pci_stand_in(*device);
        const auto free_device = libdrm<void(drmDevicePtr*)>("drmFreeDevice");
        if (!replacement || !free_device) return;
        free_device(&device);
        device = replacement;
    }
    drmPciDeviceInfo& pci = *device->deviceinfo.pci;
    pci.vendor_id = identity->vendor;
    pci.device_id = identity->device;
    pci.revision_id = identity->revision;
}

/// Keeps errno as the wrapped call left it.
int finish_one(int result, drmDevicePtr* device) {
    const int old_errno = errno;
    if (result == 0 && device && layer_enabled()) show_as_native(*device);
    errno = old_errno;
    return result;
}

int finish_list(int result, drmDevicePtr* devices, int room) {
    const int old_errno = errno;
    if (devices && layer_enabled())
        for (int i = 0; i < result && i < room; ++i) show_as_native(devices[i]);
    errno = old_errno;
    return result;
}

}  // namespace

std::optional<PciIdentity> native_identity(const char* render_node) {
    const UniqueFd node(::open(render_node, O_RDWR | O_CLOEXEC));
    if (!node) return std::nullopt;
    const auto capset = probe_node({next_kernel(), node.get()});
    if (!capset) return std::nullopt;
    return find_driver(capset->context_type)->identity(*capset);
}

}  // namespace viaduct::guest

#define VIADUCT_EXPORT extern "C" __attribute__((visibility("default")))

VIADUCT_EXPORT int drmGetDevice(int fd, drmDevicePtr* device) {
    const auto next = viaduct::guest::libdrm<decltype(drmGetDevice)>("drmGetDevice");
    return next ? viaduct::guest::finish_one(next(fd, device), device) : -ENOSYS;
}

VIADUCT_EXPORT int drmGetDevice2(int fd, uint32_t flags, drmDevicePtr* device) {
    const auto next = viaduct::guest::libdrm<decltype(drmGetDevice2)>("drmGetDevice2");
    return next ? viaduct::guest::finish_one(next(fd, flags, device), device) : -ENOSYS;
}

VIADUCT_EXPORT int drmGetDevices(drmDevicePtr devices[], int max_devices) {
    const auto next = viaduct::guest::libdrm<decltype(drmGetDevices)>("drmGetDevices");
    return next ? viaduct::guest::finish_list(next(devices, max_devices), devices, max_devices)
                : -ENOSYS;
}

VIADUCT_EXPORT int drmGetDevices2(uint32_t flags, drmDevicePtr devices[], int max_devices) {
    const auto next = viaduct::guest::libdrm<decltype(drmGetDevices2)>("drmGetDevices2");
    return next ? viaduct::guest::finish_list(next(flags, devices, max_devices), devices,
                                              max_devices)
                : -ENOSYS;
}

VIADUCT_EXPORT int drmGetDeviceFromDevId(dev_t id, uint32_t flags, drmDevicePtr* device) {
    const auto next =
        viaduct::guest::libdrm<decltype(drmGetDeviceFromDevId)>("drmGetDeviceFromDevId");
    return next ? viaduct::guest::finish_one(next(id, flags, device), device) : -ENOSYS;
}
