#include "renderer/renderer.h"

#include <cstdlib>
#include <cstring>

#include "base/log.h"

namespace viaduct {

namespace {

// A VMM that asks for THREAD_SYNC twice must not be refused because the environment forbids it.
int effective_flags(int flags) {
    return std::getenv("VIRGL_DISABLE_MT") ? flags & ~VIRGL_RENDERER_THREAD_SYNC : flags;
}

}  // namespace

Renderer::Renderer(HostFactory host_factory, std::unique_ptr<ClassicProvider> classic_provider,
                   std::shared_ptr<VmUsage> usage, GuestDmabufs::Open open_udmabuf,
                   std::unique_ptr<Recorder> recorder)
    : usage_(std::move(usage)),
      guest_dmabufs_(std::move(open_udmabuf)),
      recorder_(std::move(recorder)),
      gpu_(std::move(host_factory),
           [this](ContextId ctx_id, RingIndex ring_idx, FenceId fence_id) {
               if (recorder_) recorder_->fence_retired(ctx_id, ring_idx, fence_id);
               fences_.context_retired(ctx_id, ring_idx, fence_id);
           }),
      classic_provider_(std::move(classic_provider)) {}

Renderer::~Renderer() {
    cleanup();
}

int Renderer::init(void* cookie, int flags, const virgl_renderer_callbacks* table) {
    if (!Callbacks::acceptable(table)) {
        log(LogLevel::kError, "init refused: callback table {} of version {}", fmt::ptr(table),
            table ? table->version : 0);
        return -1;
    }
    const Callbacks callbacks(cookie, table);
    flags = effective_flags(flags);
    {
        const LockGuard lock(mutex_);
        if (initialised_ && (callbacks != callbacks_ || flags != flags_)) return -EBUSY;
    }
    const bool drm = flags & VIRGL_RENDERER_DRM;
    if (classic()) return 0;  // after a reset

    auto started = classic_provider_->start({flags, callbacks, &fences_});
    if (!started) {
        log(LogLevel::kError, "init failed: {}", started.error().message);
        return started.error().code;
    }
    fences_.start(callbacks, flags & VIRGL_RENDERER_ASYNC_FENCE_CB ? FenceDelivery::kAsync
                                                                   : FenceDelivery::kPolled);
    if (drm) gpu_.start(callbacks);

    const LockGuard lock(mutex_);
    classic_ = std::move(*started);
    callbacks_ = callbacks;
    flags_ = flags;
    initialised_ = true;
    return 0;
}

void Renderer::cleanup() {
    if (recorder_) recorder_->finished();
    drop_contexts_and_resources();
    gpu_.shut_down();
    ClassicPtr classic;
    {
        const LockGuard lock(mutex_);
        classic = std::move(classic_);
        initialised_ = false;
        callbacks_ = {};
        flags_ = 0;
    }
    classic.reset();
    fences_.stop();
}

// The guest starts anew, and so do its fence ids: a late callback for an old one would complete a
// new command.
void Renderer::reset() {
    if (recorder_) recorder_->reset();
    drop_contexts_and_resources();
    gpu_.reset();
    if (const auto classic = this->classic()) classic->reset();
    fences_.clear();
}

void Renderer::drop_contexts_and_resources() {
    decltype(contexts_) contexts;
    decltype(resources_) resources;
    {
        const LockGuard lock(mutex_);
        contexts.swap(contexts_);
        resources.swap(resources_);
    }
    const auto classic = this->classic();
    for (const auto& [id, context] : contexts)
        if (classic && !context->native) classic->context_destroy(id);
    contexts.clear();
    for (const auto& [id, resource] : resources)
        if (const auto knows = resource->storage->classic()) knows->unref(id);
}

void Renderer::poll() {
    if (const auto classic = this->classic()) classic->poll();
    fences_.deliver();
}

int Renderer::poll_fd() {
    const auto classic = this->classic();
    return classic ? classic->poll_fd() : -1;
}

void Renderer::force_ctx_0() {
    if (const auto classic = this->classic()) classic->force_ctx_0();
}

CapsetInfo Renderer::capset(uint32_t set) {
    if (set != wire::kCapsetDrm) return classic_provider_->capset(set);
    return gpu_.capset() ? CapsetInfo{0, sizeof(wire::CapsetDrm)} : CapsetInfo{};
}

void Renderer::fill_caps(uint32_t set, uint32_t version, void* caps) {
    if (!caps) return;
    const auto classic = this->classic();
    if (!classic) return;
    if (set != wire::kCapsetDrm) {
        if (classic_provider_->capset(set).max_size > 0) classic->fill_caps(set, version, caps);
        return;
    }
    {
        const LockGuard lock(mutex_);
        if (!(flags_ & VIRGL_RENDERER_DRM) || version != 0) return;
    }
    if (const auto capset = gpu_.capset()) std::memcpy(caps, &*capset, sizeof *capset);
}

Renderer::ResourcePtr Renderer::find_resource(ResourceId res_id) const {
    const auto found = resources_.find(res_id);
    return found == resources_.end() ? nullptr : found->second;
}

Renderer::ResourcePtr Renderer::look_up(ResourceId res_id) const {
    const LockGuard lock(mutex_);
    return find_resource(res_id);
}

bool Renderer::is_current(const ResourcePtr& resource) const {
    return look_up(resource->id) == resource;
}

Renderer::ClassicPtr Renderer::classic() const {
    const LockGuard lock(mutex_);
    return classic_;
}

Renderer::ClassicPtr Renderer::classic_for_context(ContextId ctx_id) const {
    const LockGuard lock(mutex_);
    const auto context = find_context(ctx_id);
    return context && !context->native ? classic_ : nullptr;
}

Renderer::ClassicPtr Renderer::classic_for_resource(ResourceId res_id) const {
    const auto resource = look_up(res_id);
    return resource ? resource->storage->classic() : nullptr;
}

}  // namespace viaduct
