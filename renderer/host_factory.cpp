// The GPU behind native contexts: the VMM's descriptor first, then VIADUCT_GPU, then the GPU of the
// VMM's display.
#include <cstdlib>
#include <memory>

#include "drm-context/device/host_memory_types.h"
#include "drm-context/device/render_nodes.h"
#include "drm-context/driver/choose_gpu.h"
#include "renderer/provider.h"

namespace viaduct {

namespace {

// Each context asks the VMM again.
GpuChoice through_vmm(const VmmGpu& vmm, UniqueFd opened) {
    auto first = std::make_shared<UniqueFd>(std::move(opened));
    const std::string path = path_of(first->get());
    const std::string node = path.starts_with("/dev/") ? path : "";
    return {node, node.empty() ? "the VMM's choice" : node, "the VMM opened it (get_drm_fd)",
            crossing_warning(node, vmm.display_node),
            [first, get = vmm.get_drm_fd]() -> Result<DeviceSource> {
                UniqueFd fd = *first ? std::move(*first) : UniqueFd(get());
                if (!fd) return fail(ENODEV, "get_drm_fd returned no descriptor");
                return DeviceSource{std::move(fd), {}};
            }};
}

Result<GpuChoice> choose_here(const VmmGpu& vmm) {
    const char* wish = ::secure_getenv("VIADUCT_GPU");
    return choose_gpu(wish && *wish ? wish : "auto", vmm.display_node);
}

}  // namespace

HostFactory default_host_factory(HostOptions options) {
    return [options = std::move(options)](
               const VmmGpu& vmm,
               FenceCallback on_fence) -> Result<std::unique_ptr<NativeContextHost>> {
        // -1: it leaves the choice to the library, as crosvm does that was given no path.
        UniqueFd opened(vmm.get_drm_fd ? vmm.get_drm_fd() : -1);
        const bool vmm_opens = opened.valid();
        auto choice = vmm_opens ? through_vmm(vmm, std::move(opened)) : choose_here(vmm);
        if (!choice) return tl::unexpected(choice.error());
        HostOptions own = options;
        if (vmm_opens) own.open_on = HostOptions::OpenOn::kCallersThread;
        own.limits.cached_system_memory =
            guest_pat(guest_pat_facts_here()).pat == GuestPat::kIgnored;
        own.gpu = {choice->node, choice->description, choice->reason, choice->warning};
        return NativeContextHost::create(std::move(choice->open), std::move(on_fence),
                                         std::move(own));
    };
}

}  // namespace viaduct
