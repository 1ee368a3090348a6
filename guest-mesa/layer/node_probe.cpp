#include "guest-mesa/layer/node_probe.h"

#include <drm.h>

#include <cstring>
#include <string_view>

#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/guest_driver.h"
#include "guest-mesa/layer/virtgpu_ioctls.h"

namespace viaduct::guest {

namespace {

bool has_cap(const Channel& channel, uint64_t capability) {
    drm_get_cap arg{};
    arg.capability = capability;
    return channel.ioctl(DRM_IOCTL_GET_CAP, &arg) >= 0 && arg.value != 0;
}

}  // namespace

bool is_virtio_gpu(const Channel& channel) {
    char name[16] = {};
    drm_version version{};
    version.name = name;
    version.name_len = sizeof(name);
    if (channel.ioctl(DRM_IOCTL_VERSION, &version) < 0) return false;
    return std::string_view(name, ::strnlen(name, sizeof(name))) == "virtio_gpu";
}

std::optional<wire::CapsetDrm> find_native_capset(const Channel& channel) {
    wire::CapsetDrm capset{};
    virtgpu::GetCaps caps{};
    caps.cap_set_id = wire::kCapsetDrm;
    caps.addr = user_pointer(&capset);
    caps.size = sizeof(capset);
    if (channel.ioctl(kVirtgpuGetCaps, &caps) < 0) return std::nullopt;
    if (capset.context_type == wire::ContextType::kNone) return std::nullopt;
    return capset;
}

bool has_timeline_syncobjs(const Channel& channel) {
    return has_cap(channel, DRM_CAP_SYNCOBJ) && has_cap(channel, DRM_CAP_SYNCOBJ_TIMELINE);
}

std::optional<wire::CapsetDrm> probe_node(const Channel& channel) {
    if (!is_virtio_gpu(channel)) return std::nullopt;
    auto capset = find_native_capset(channel);
    if (!capset) return std::nullopt;
    const DriverRow* row = find_driver(capset->context_type);
    if (!row) return std::nullopt;
    if (!has_timeline_syncobjs(channel)) {
        print_line(
            fmt::format("the host offers {}, but this kernel's virtio-gpu has no timeline "
                        "syncobjs (Linux 6.6 or newer is needed): not used",
                        row->name));
        return std::nullopt;
    }
    return capset;
}

}  // namespace viaduct::guest
