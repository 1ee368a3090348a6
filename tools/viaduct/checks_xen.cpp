// Xen: whether this machine is its dom0, and for which domains a device model runs.
#include <fmt/format.h>

#include "tools/viaduct/checks.h"
#include "tools/viaduct/vmm_view.h"

namespace viaduct::tool {

namespace {

bool runs_on_xen(const HostView& host) {
    return first_line(host.read("/sys/hypervisor/type")) == "xen";
}

std::string domains_with_gpu(const HostView& host) {
    std::string domains;
    for (const VmmView& vmm : running_vmms(host))
        if (!vmm.xen_domain.empty()) domains += (domains.empty() ? "" : ", ") + vmm.xen_domain;
    return domains;
}

}  // namespace

// xenfs need not be mounted; dom0's own UUID is zero
// (Documentation/ABI/stable/sysfs-hypervisor-xen).
bool is_dom0(const HostView& host) {
    if (!runs_on_xen(host)) return false;
    return host.read("/proc/xen/capabilities").find("control_d") != std::string::npos ||
           first_line(host.read("/sys/hypervisor/uuid")) == "00000000-0000-0000-0000-000000000000";
}

Findings check_xen(const HostView& host) {
    if (!runs_on_xen(host)) return {ok("Xen does not run below this machine")};
    if (!is_dom0(host)) return {ok("this machine is a Xen domain other than dom0")};
    const std::string domains = domains_with_gpu(host);
    if (domains.empty()) return {ok("Xen's dom0; no domain with virtio-gpu 3D runs now")};
    return {ok(fmt::format("Xen's dom0; domains with virtio-gpu 3D: {}", domains))};
}

}  // namespace viaduct::tool
