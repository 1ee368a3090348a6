#include "renderer/native_gpu.h"

#include <sys/resource.h>

#include "drm-context/device/render_nodes.h"
#include "drm-context/driver/choose_gpu.h"
#include "renderer/display_gpu.h"

namespace viaduct {

namespace {

VmmGpu ask_vmm(const Callbacks& callbacks) {
    VmmGpu vmm;
    if (callbacks.has_drm_fd()) vmm.get_drm_fd = [callbacks] { return callbacks.get_drm_fd(); };
    if (!callbacks.has_egl_display()) return vmm;
    auto node = display_render_node(callbacks.get_egl_display());
    if (node)
        vmm.display_node = *std::move(node);
    else
        log(LogLevel::kDebug, "the GPU of the VMM's display: {}", node.error().message);
    return vmm;
}

}  // namespace

std::optional<wire::CapsetDrm> NativeGpu::capset() {
    {
        const LockGuard lock(mutex_);
        if (capset_ || absent_) return capset_;
    }
    host();
    const LockGuard lock(mutex_);
    return capset_;
}

namespace {

// With stock Mesa nearly each buffer is shareable, and a VMM holds a descriptor of it. A desktop
// has some thousands of buffers.
constexpr rlim_t kFewDescriptors = 4096;

// The limit is the VMM's to raise: one that uses select() cannot have descriptors above 1023.
void warn_of_few_descriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kFewDescriptors) return;
    log(LogLevel::kWarning,
        "this process may open {} files, and each buffer that a guest shares uses one: raise the "
        "limit, for example with ulimit -n 65536 or LimitNOFILE=65536",
        limit.rlim_cur);
}

}  // namespace

void NativeGpu::start(const Callbacks& callbacks) {
    VmmGpu vmm = ask_vmm(callbacks);
    std::shared_ptr<NativeContextHost> old;
    std::shared_ptr<NativeContextHost> kept;
    {
        const LockGuard lock(mutex_);
        // get_cap_set may have probed already.
        if (keeps_host(vmm)) {
            kept = host_;
        } else {
            old = std::move(host_);
            absent_ = false;
        }
        vmm_ = std::move(vmm);
        started_ = true;
    }
    old.reset();
    if (!kept) kept = host();
    if (!kept) return;
    kept->serve_metrics();
    announce(*kept);
    warn_of_few_descriptors();
}

void NativeGpu::reset() {
    std::shared_ptr<NativeContextHost> kept;
    {
        const LockGuard lock(mutex_);
        kept = host_;
    }
    if (kept) kept->reset();
}

void NativeGpu::shut_down() {
    std::shared_ptr<NativeContextHost> old;  // dies after the lock is released
    const LockGuard lock(mutex_);
    old = std::move(host_);
    vmm_ = {};
    started_ = false;
    announced_.clear();
    absent_ = false;
}

Result<std::unique_ptr<NativeContext>> NativeGpu::create_context(ContextId ctx_id,
                                                                 std::string_view name) {
    const auto gpu = host();
    if (!gpu) return fail(ENODEV, "no usable GPU");
    return gpu->create_context(ctx_id, name);
}

Result<UniqueFd> NativeGpu::signalled_sync_file() {
    const auto gpu = host();
    if (!gpu) return fail(ENODEV, "no usable GPU");
    return gpu->signalled_sync_file();
}

// Another host is worth its making if it can be of another GPU, or if workers would run as a user
// that the VMM no longer is.
bool NativeGpu::keeps_host(const VmmGpu& vmm) const {
    if (!host_ || vmm.get_drm_fd || made_by_ != user_()) return false;
    return vmm.display_node.empty() || same_node(host_->gpu().node, vmm.display_node);
}

std::shared_ptr<NativeContextHost> NativeGpu::host() {
    VmmGpu vmm;
    {
        const LockGuard lock(mutex_);
        if (host_ || absent_) return host_;
        vmm = vmm_;
    }
    const uid_t user = user_();
    auto made = probe(vmm);
    bool known_to_vmm = false;
    {
        const LockGuard lock(mutex_);
        if (host_) return host_;  // another thread was faster
        host_ = made;
        made_by_ = user;
        absent_ = !host_;
        if (host_) capset_ = host_->capset();
        known_to_vmm = started_;
    }
    if (made && known_to_vmm) {
        made->serve_metrics();
        announce(*made);
    }
    return made;
}

// A guest that reboots makes us probe anew each time: the limiter keeps that quiet.
std::shared_ptr<NativeContextHost> NativeGpu::probe(const VmmGpu& vmm) {
    auto made = factory_(vmm, on_fence_);
    if (!made && vmm.get_drm_fd) {
        {
            const LockGuard lock(mutex_);
            log_.log(LogLevel::kWarning, "vmm descriptor",
                     "the VMM's DRM descriptor cannot be used ({}); choosing a GPU here",
                     made.error().message);
        }
        made = factory_({nullptr, vmm.display_node}, on_fence_);
    }
    if (made) return std::move(*made);
    const LockGuard lock(mutex_);
    log_.log(LogLevel::kWarning, "no gpu", "no native contexts (capset 6): {}",
             made.error().message);
    return nullptr;
}

// Once per init: a guest that reboots finds the same GPU.
void NativeGpu::announce(const NativeContextHost& host) {
    const GpuNote gpu = host.gpu();
    if (gpu.description.empty()) return;
    std::string reason = gpu.reason;
    {
        const LockGuard lock(mutex_);
        // The host may be older than the VMM's display.
        if (gpu.reason == kFirstThatFits && !vmm_.display_node.empty() && gpu.warning.empty())
            reason = kDrivesDisplay;
        const std::string line = gpu.description + reason + gpu.warning;
        if (line == announced_) return;
        announced_ = line;
    }
    log(LogLevel::kInfo, "native contexts run on {}: {}", gpu.description, reason);
    if (!gpu.warning.empty()) log(LogLevel::kWarning, "{}", gpu.warning);
}

}  // namespace viaduct
