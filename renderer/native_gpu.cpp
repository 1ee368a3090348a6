#include "renderer/native_gpu.h"

namespace viaduct {

std::optional<wire::CapsetDrm> NativeGpu::capset() {
    {
        const std::lock_guard lock(mutex_);
        if (capset_ || absent_) return capset_;
    }
    host();
    const std::lock_guard lock(mutex_);
    return capset_;
}

void NativeGpu::start(const Callbacks& callbacks) {
    std::shared_ptr<NativeContextHost> old;
    {
        const std::lock_guard lock(mutex_);
        if (host_ && !callbacks.has_drm_fd()) return;  // probed by get_cap_set already
        old = std::move(host_);
        absent_ = false;
        get_drm_fd_ = nullptr;
        if (callbacks.has_drm_fd()) get_drm_fd_ = [callbacks] { return callbacks.get_drm_fd(); };
    }
    old.reset();
    host();
}

void NativeGpu::stop() {
    std::shared_ptr<NativeContextHost> old;  // dies after the lock is released
    const std::lock_guard lock(mutex_);
    old = std::move(host_);
}

void NativeGpu::shut_down() {
    stop();
    const std::lock_guard lock(mutex_);
    get_drm_fd_ = nullptr;
    absent_ = false;
}

Result<std::unique_ptr<NativeContext>> NativeGpu::create_context(uint32_t ctx_id,
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

std::shared_ptr<NativeContextHost> NativeGpu::host() {
    VmmDrmFd get_drm_fd;
    {
        const std::lock_guard lock(mutex_);
        if (host_ || absent_) return host_;
        get_drm_fd = get_drm_fd_;
    }
    auto made = probe(get_drm_fd);
    const std::lock_guard lock(mutex_);
    if (host_) return host_;  // another thread was faster
    host_ = std::move(made);
    absent_ = !host_;
    if (host_) capset_ = host_->capset();
    return host_;
}

// A guest that reboots makes us probe anew each time: the limiter keeps that quiet.
std::shared_ptr<NativeContextHost> NativeGpu::probe(const VmmDrmFd& get_drm_fd) {
    auto made = factory_(get_drm_fd, on_fence_);
    if (!made && get_drm_fd) {
        {
            const std::lock_guard lock(mutex_);
            log_.log(LogLevel::kWarning, "vmm descriptor",
                     "the VMM's DRM descriptor is of no use ({}); choosing a GPU here",
                     made.error().message);
        }
        made = factory_(nullptr, on_fence_);
    }
    if (made) return std::move(*made);
    const std::lock_guard lock(mutex_);
    log_.log(LogLevel::kWarning, "no gpu", "no native contexts (capset 6): {}",
             made.error().message);
    return nullptr;
}

}  // namespace viaduct
