// The GPU behind native contexts: the VMM's descriptor first, else VIADUCT_GPU.
#include <cstdlib>

#include "renderer/provider.h"

namespace viaduct {

HostFactory default_host_factory() {
    return [](const VmmDrmFd&, FenceCallback) -> Result<std::unique_ptr<NativeContextHost>> {
        return fail(ENODEV, "no GPU driver is built in");
    };
}

}  // namespace viaduct
