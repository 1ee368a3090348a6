// Renderer: fences and sync files.
#include "renderer/renderer.h"

namespace viaduct {

// Without GL the context-0 timeline has no work, but VMMs ignore a refusal and the guest would
// wait for ever: such a fence retires at the next chance.
int Renderer::create_fence(uint32_t fence_id) {
    const auto classic = this->classic();
    if (!classic) return EINVAL;
    if (!classic->create_fence(fence_id)) fences_.global_retired(fence_id);
    return 0;
}

int Renderer::context_create_fence(ContextId ctx_id, uint32_t flags, RingIndex ring,
                                   FenceId fence_id) {
    ContextPtr context;
    {
        const LockGuard lock(mutex_);
        context = find_context(ctx_id);
        if (!context || !callbacks_.has_context_fences()) return -EINVAL;
    }
    if (!context->native) {
        const auto classic = this->classic();
        return classic ? classic->context_create_fence(ctx_id, flags, ring, fence_id) : -EINVAL;
    }
    {
        // Without the lock of the tables: a submission may be on its way.
        const LockGuard in_order(context->queue_mutex);
        fences_.expect(ctx_id, ring, fence_id, flags);  // it may retire before create_fence returns
        try {
            if (recorder_) recorder_->fence_created(ctx_id, ring, fence_id);
            context->native->create_fence(ring, fence_id);
        } catch (...) {
            fences_.cancel(fence_id);
            if (recorder_) recorder_->fence_refused(ctx_id, fence_id, ENOMEM);
            throw;
        }
    }
    if (recorder_) recorder_->settle(fence_id);
    return 0;
}

void Renderer::context_poll(ContextId ctx_id) {
    if (const auto classic = classic_for_context(ctx_id)) classic->context_poll(ctx_id);
    fences_.deliver();
}

int Renderer::context_poll_fd(ContextId ctx_id) {
    const auto classic = classic_for_context(ctx_id);
    return classic ? classic->context_poll_fd(ctx_id) : -1;
}

int Renderer::attach_fence(ContextId ctx_id, int fd) {
    if (const auto classic = classic_for_context(ctx_id))
        return classic->attach_fence(ctx_id, UniqueFd(fd));
    ContextPtr context;
    {
        const LockGuard lock(mutex_);
        context = find_context(ctx_id);
    }
    if (!context) return EINVAL;
    if (fd < 0) return -EINVAL;
    UniqueFd sync_file(fd);
    auto booking = usage_->take_descriptors(1);
    if (!booking) return -booking.error().code;
    const auto status =
        context->native->add_in_fence(share(std::move(sync_file), *std::move(booking)));
    return status ? 0 : -status.error().code;
}

int Renderer::export_fence(FenceId fence_id, int* fd) {
    if (!fd) return -EINVAL;
    *fd = -1;
    if (const auto debt = fences_.debt(fence_id)) {
        ContextPtr context;
        {
            const LockGuard lock(mutex_);
            context = find_context(debt->ctx_id);
        }
        if (!context || !context->native) return -EINVAL;
        auto sync_file = context->native->export_fence(fence_id);  // not with the lock held
        if (!sync_file) return -EINVAL;
        *fd = sync_file->release();
        return 0;
    }
    const auto classic = this->classic();
    return classic ? classic->export_fence(fence_id, fd) : -EINVAL;
}

int Renderer::export_signalled_fence() {
    ClassicPtr classic;
    bool drm = false;
    {
        const LockGuard lock(mutex_);
        classic = classic_;
        drm = flags_ & VIRGL_RENDERER_DRM;
    }
    if (!classic) return -1;
    if (drm)  // this may open the GPU: without the lock
        if (auto sync_file = gpu_.signalled_sync_file()) return sync_file->release();
    return classic->export_signalled_fence();
}

}  // namespace viaduct
