// The GPU behind native contexts: the VMM's descriptor first, else VIADUCT_GPU.
#include <cstdlib>

#include "blob/log.h"
#include "drm-context/device/choose.h"
#include "renderer/provider.h"

namespace viaduct {

namespace {

Result<GpuChoice> choose_here() {
    const char* wish = ::secure_getenv("VIADUCT_GPU");
    auto choice = choose_gpu(wish && *wish ? wish : "auto");
    if (!choice) return tl::unexpected(choice.error());
    log(LogLevel::kInfo, "native contexts run on {}", choice->description);
    return choice;
}

// The VMM may be unable to open a node itself, in a sandbox, say: each context asks it again.
OpenDevice through_vmm(const VmmDrmFd& get_drm_fd) {
    return [get_drm_fd]() -> Result<DeviceSource> {
        UniqueFd fd(get_drm_fd());
        if (!fd) return fail(ENODEV, "get_drm_fd gave no descriptor");
        return DeviceSource{std::move(fd), {}};
    };
}

}  // namespace

HostFactory default_host_factory(HostOptions options) {
    return [options = std::move(options)](
               const VmmDrmFd& get_drm_fd,
               FenceCallback on_fence) -> Result<std::unique_ptr<NativeContextHost>> {
        HostOptions own = options;
        if (get_drm_fd) {
            own.gpu = "the VMM's choice";
            own.open_on = HostOptions::OpenOn::kCallersThread;
            return NativeContextHost::create(through_vmm(get_drm_fd), std::move(on_fence),
                                             std::move(own));
        }
        auto choice = choose_here();
        if (!choice) return tl::unexpected(choice.error());
        own.gpu = choice->description;
        return NativeContextHost::create(std::move(choice->open), std::move(on_fence),
                                         std::move(own));
    };
}

}  // namespace viaduct
