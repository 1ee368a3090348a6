// Renderer: contexts, submissions, which context knows which resource.
#include <map>

#include "renderer/renderer.h"

namespace viaduct {

namespace {

// Keeps the size in bytes within 32 bits, as the protocol's own lengths are.
constexpr int kMaxSubmitWords = 1 << 30;

// Of an empty buffer the address may be anything: rutabaga passes 1.
bool readable(const void* buffer, int words) {
    return words == 0 || (buffer && reinterpret_cast<uintptr_t>(buffer) % sizeof(uint32_t) == 0);
}

}  // namespace

int Renderer::context_create(ContextId ctx_id, uint32_t flags, std::string_view name) {
    const uint32_t capset = flags & VIRGL_RENDERER_CONTEXT_FLAG_CAPSET_ID_MASK;
    if (ctx_id == ContextId() || flags != capset) return EINVAL;
    ClassicPtr classic;
    {
        const LockGuard lock(mutex_);
        if (!initialised_) return EINVAL;
        if (const auto existing = find_context(ctx_id))
            return existing->capset == capset ? 0 : EINVAL;
        if (capset == wire::kCapsetDrm && !(flags_ & VIRGL_RENDERER_DRM)) return EINVAL;
        classic = classic_;
    }

    auto context = std::make_shared<Context>();
    context->id = ctx_id;
    context->capset = capset;
    context->name = sanitise(name);
    if (capset == wire::kCapsetDrm) {
        const auto gpu_capset = gpu_.capset();
        if (!gpu_capset) return EINVAL;
        auto native = gpu_.create_context(ctx_id, name);
        if (!native) {
            usage_->count_failed_context();
            log_.log(LogLevel::kError, "context_create", "context {} ({}): {}", ctx_id,
                     context->name, native.error().message);
            return ENOMEM;
        }
        context->native = *std::move(native);
        if (recorder_) recorder_->context_created(ctx_id, name, *gpu_capset);
    } else if (const int error = classic->context_create(ctx_id, flags, name)) {
        return error;
    }
    const LockGuard lock(mutex_);
    contexts_.emplace(ctx_id, std::move(context));
    return 0;
}

void Renderer::context_destroy(ContextId ctx_id) {
    ContextPtr context;  // ends after the lock is released
    ClassicPtr classic;
    {
        const LockGuard lock(mutex_);
        const auto found = contexts_.find(ctx_id);
        if (found == contexts_.end()) return;
        context = std::move(found->second);
        contexts_.erase(found);
        classic = classic_;
    }
    if (!context->native)
        classic->context_destroy(ctx_id);
    else if (recorder_)
        recorder_->context_destroyed(ctx_id);
}

int Renderer::submit(ContextId ctx_id, void* buffer, int ndw, std::span<const uint64_t> in_fences) {
    ContextPtr context;
    {
        const LockGuard lock(mutex_);
        context = find_context(ctx_id);
    }
    if (!context || ndw < 0 || ndw >= kMaxSubmitWords) return EINVAL;
    if (!readable(buffer, ndw)) return EFAULT;
    if (!context->native) return submit_classic(*context, buffer, ndw);
    const std::span commands(static_cast<const std::byte*>(buffer),
                             static_cast<size_t>(ndw) * sizeof(uint32_t));
    // Without the lock of the tables: copying takes as long as the guest makes the submission.
    const LockGuard in_order(context->queue_mutex);
    if (recorder_) recorder_->submitted(ctx_id, commands, in_fences);
    const auto status = context->native->submit(commands);
    return status ? 0 : refuse_submission(*context, status.error());
}

int Renderer::refuse_submission(Context& context, const Error& error) {
    if (recorder_) recorder_->submission_refused(context.id, error.code);
    const LockGuard lock(mutex_);
    context.log.log(LogLevel::kWarning, "submit", "context {}: submission refused: {}", context.id,
                    error.message);
    return error.code;
}

int Renderer::submit_classic(const Context& context, void* buffer, int ndw) {
    ClassicPtr classic;
    {
        const LockGuard lock(mutex_);
        note_virgl_program(context);
        classic = classic_;
    }
    return classic ? classic->submit(context.id, buffer, ndw) : EINVAL;
}

// Logs that a guest does not use the native contexts it is offered. A submission is the sign of a
// program: the guest's kernel has a context for its console too, but submits nothing.
void Renderer::note_virgl_program(const Context& context) {
    const bool is_virgl =
        context.capset == VIRTGPU_DRM_CAPSET_VIRGL || context.capset == VIRTGPU_DRM_CAPSET_VIRGL2;
    if (virgl_noted_ || !is_virgl || !(flags_ & VIRGL_RENDERER_DRM)) return;
    virgl_noted_ = true;
    if (gpu_.capset())
        log(LogLevel::kWarning,
            "\"{}\" uses virgl although native contexts are offered: its driver does not support "
            "them",
            context.name);
}

int Renderer::submit_with_fences(ContextId ctx_id, void* buffer, int ndw, uint64_t* ids,
                                 uint32_t count) {
    if (count > 0 && !ids) return EINVAL;
    if (const auto classic = classic_for_context(ctx_id))
        return classic->submit_with_fences(ctx_id, buffer, ndw, ids, count);
    ContextPtr context;
    {
        const LockGuard lock(mutex_);
        context = find_context(ctx_id);
    }
    if (!context) return EINVAL;
    if (const int error = add_in_fences(*context, ids, count)) return error;
    return submit(ctx_id, buffer, ndw, {ids, count});
}

// Ids that are not owed have retired, or never were: they count as signalled. Of those on one ring
// the last says all. What is owed bounds the work, whatever the count.
int Renderer::add_in_fences(Context& context, const uint64_t* ids, uint32_t count) {
    struct Last {
        uint64_t number = 0;
        FenceId fence_id = {};
    };
    std::map<ContextId, std::map<RingIndex, Last>> pending;
    for (uint32_t i = 0; i < count; ++i) {
        const auto debt = fences_.debt(FenceId(ids[i]));
        if (!debt) continue;
        Last& last = pending[debt->ctx_id][debt->ring_idx];
        if (debt->number > last.number) last = {debt->number, FenceId(ids[i])};
    }
    for (const auto& [ctx_id, rings] : pending) {
        std::vector<FenceId> fence_ids;
        for (const auto& [ring, last] : rings) fence_ids.push_back(last.fence_id);
        if (const int error = add_in_fences_of(ctx_id, fence_ids, context)) return error;
    }
    return 0;
}

// Without the lock: who owes the fences is asked for them. One who does not answer is not waited
// for again and again: its fences count as signalled, too.
int Renderer::add_in_fences_of(ContextId ctx_id, const std::vector<FenceId>& fence_ids,
                               Context& context) {
    ContextPtr source;
    {
        const LockGuard lock(mutex_);
        source = find_context(ctx_id);
    }
    if (!source || !source->native) return 0;
    for (const FenceId id : fence_ids) {
        auto sync_file = source->native->export_fence(id);
        if (sync_file) {
            auto booking = usage_->take_descriptors(1);
            if (!booking) return -booking.error().code;
            const auto status =
                context.native->add_in_fence(share(std::move(*sync_file), *std::move(booking)));
            if (!status) return -status.error().code;
        } else if (sync_file.error().code == ETIMEDOUT) {
            const LockGuard lock(mutex_);
            context.log.log(LogLevel::kWarning, "in-fences",
                            "context {} does not wait for the fences of context {}: {}", context.id,
                            ctx_id, sync_file.error().message);
            return 0;
        }  // else it has retired meanwhile
    }
    return 0;
}

int Renderer::device_fd(ContextId ctx_id) {
    if (const auto classic = classic_for_context(ctx_id)) return classic->device_fd(ctx_id);
    const LockGuard lock(mutex_);
    const auto context = find_context(ctx_id);
    if (!context) return -EINVAL;
    const int fd = context->native->device_fd();
    return fd >= 0 ? fd : -ENODEV;
}

void Renderer::attach_resource(ContextId ctx_id, ResourceId res_id) {
    if (recorder_) recorder_->attached(ctx_id, res_id);
    ContextPtr context;
    ResourcePtr resource;
    {
        const LockGuard lock(mutex_);
        context = find_context(ctx_id);
        resource = find_resource(res_id);
    }
    if (!context || !resource) return;
    if (context->native) {
        attach_to_native(context, resource);
        return;
    }
    if (!resource->storage->introduce_to(classic())) return;
    if (const auto classic = resource->storage->classic()) classic->attach_resource(ctx_id, res_id);
}

// A dma-buf that the context does not know yet is imported. A buffer of another context that was
// not created shareable is exported now: guests may decide late to share one. Control buffers stay
// where they are, and so does what the kernel does not export.
void Renderer::attach_to_native(const ContextPtr& context, const ResourcePtr& resource) {
    {
        const LockGuard lock(mutex_);
        if (resource->known_to.contains(context)) return;
    }
    if (!resource->storage->settle()) return;
    SharedFd dmabuf = resource->storage->dmabuf();
    if (!dmabuf) dmabuf = export_for(*context, resource);  // without the lock: a worker is asked
    const LockGuard lock(mutex_);
    if (!dmabuf) {
        if (const auto reason = resource->storage->without_dmabuf(); !reason.empty())
            context->log.log(LogLevel::kWarning, "guest_memory",
                             "context {}: resource {} is {}: commands that name it fail",
                             context->id, resource->id, reason);
        return;
    }
    if (find_context(context->id) != context || find_resource(resource->id) != resource) return;
    context->native->attach_resource(resource->id, std::move(dmabuf));
    resource->known_to.add(context);
}

// A dma-buf of what has none of its own.
SharedFd Renderer::export_for(Context& context, const ResourcePtr& resource) {
    if (!resource->storage->makes_dmabufs()) return nullptr;
    auto booking = usage_->take_descriptors(1);
    if (!booking) {
        const LockGuard lock(mutex_);
        context.log.log(LogLevel::kWarning, "descriptors",
                        "context {}: resource {} is not attached: {}", context.id, resource->id,
                        booking.error().message);
        return nullptr;
    }
    auto made = resource->storage->new_dmabuf();
    return made ? share(*std::move(made), *std::move(booking)) : nullptr;
}

void Renderer::detach_resource(ContextId ctx_id, ResourceId res_id) {
    if (recorder_) recorder_->detached(ctx_id, res_id);
    ResourcePtr resource;
    {
        const LockGuard lock(mutex_);
        const auto context = find_context(ctx_id);
        resource = find_resource(res_id);
        if (!context || !resource) return;
        if (context->native) {
            if (!resource->known_to.contains(context)) return;
            resource->known_to.remove(context);
            context->native->detach_resource(res_id);
            return;
        }
    }
    if (const auto classic = resource->storage->classic()) classic->detach_resource(ctx_id, res_id);
}

}  // namespace viaduct
