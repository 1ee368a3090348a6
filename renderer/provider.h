// Where a Renderer gets its back ends from: the seam between the C ABI and what stands behind it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "drm-context/native_context.h"
#include "renderer/callbacks.h"
#include "renderer/classic.h"
#include "renderer/fence_relay.h"

namespace viaduct {

/// The VMM's way to open the render node: a new descriptor each time, or -1. Empty if it has none.
using VmmDrmFd = std::function<int()>;

/// The GPU that a VMM wants, as far as its callbacks reveal it.
struct VmmGpu {
    VmmDrmFd get_drm_fd;       // goes first
    std::string display_node;  // the render node of its EGL display; empty: unknown
};

/// Makes the host of native contexts, or returns why there is none.
using HostFactory = std::function<Result<std::unique_ptr<NativeContextHost>>(
    const VmmGpu& vmm, FenceCallback on_fence)>;

/// The arguments of virgl_renderer_init.
struct InitRequest {
    int flags = 0;  // VIRGL_RENDERER_*
    Callbacks callbacks;
    FenceRelay* fences = nullptr;  // outlives the ClassicRenderer
};

/// Knows what serves virgl, Venus and 2D on this machine.
class ClassicProvider {
  public:
    virtual ~ClassicProvider() = default;
    /// The same answer at any time, also before init.
    virtual CapsetInfo capset(uint32_t set) = 0;
    /// An error makes virgl_renderer_init fail with its code.
    virtual Result<std::unique_ptr<ClassicRenderer>> start(const InitRequest& request) = 0;
};

/// The GPU as the VMM's get_drm_fd, VIADUCT_GPU or the VMM's display choose it, for contexts with
/// these options.
HostFactory default_host_factory(HostOptions options);
/// The system's virglrenderer as VIADUCT_SYSTEM_VIRGLRENDERER chooses it, else software.
std::unique_ptr<ClassicProvider> default_classic_provider();

}  // namespace viaduct
