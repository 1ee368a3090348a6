// GEM_EXECBUFFER2.
#include "base/clock.h"
#include "drm-context/i915/execbuffer.h"
#include "drm-context/i915/i915_context.h"

namespace viaduct::i915 {

namespace w = wire::i915;

/// From now on the ring has work of the engine at `index` of the context's map. A guest can give
/// one index to engines of different classes in different contexts; all such work counts as
/// graphics then, whose share is the one that is fought for.
Status I915Context::describe_ring(RingIndex ring, const GemContext& context, uint32_t index) {
    const auto which = index < context.engines.size() ? context.engines[index] : std::nullopt;
    if (!which)
        return fail(EINVAL, "the context has no engine {}, or this VM is not offered it", index);
    std::optional<QueueClass>& known = ring_classes_.at(ring.value());
    if (!known)
        if (Status status = rings().add(ring); !status) return status;
    const QueueClass now = known && *known != *which ? QueueClass::kGraphics : *which;
    if (known != now) statistics().describe(ring, now, index);
    known = now;
    return {};
}

namespace {

/// A number for what the kernel keeps in order: an engine of one GEM context. BSD is two engines,
/// between which flags choose, and which share a ring of the protocol.
uint32_t queue_of(uint32_t context_serial, uint64_t flags) {
    constexpr uint32_t kChoices = (I915_EXEC_BSD_MASK >> I915_EXEC_BSD_SHIFT) + 1;
    const auto choice = static_cast<uint32_t>((flags & I915_EXEC_BSD_MASK) >> I915_EXEC_BSD_SHIFT);
    return context_serial * kChoices + choice;
}

}  // namespace

Status I915Context::gem_execbuffer2(Request& request) {
    // Taken whatever comes: a refused submission consumes its in-fence too.
    const UniqueFd in_fence = this->in_fence().take();
    Execbuffer execbuffer(*this);
    if (Status status = execbuffer.translate(request); !status) return status;
    const uint32_t id = execbuffer.gem_context(), index = execbuffer.engine_index();
    const RingIndex ring(w::kFirstRing + index);
    const auto context = gem_contexts_.find(id);
    if (context == gem_contexts_.end()) return fail(ENOENT, "unknown GEM context {}", id);
    if (Status status = describe_ring(ring, context->second, index); !status) return status;
    if (Status status = context->second.tables->place(execbuffer.buffers()); !status) return status;
    if (in_fence) {
        const auto syncobj = this->in_fence().to_syncobj(in_fence);
        if (!syncobj) return tl::unexpected(syncobj.error());
        execbuffer.wait_for(*syncobj);
    }
    const uint32_t queue = queue_of(context->second.serial, execbuffer.flags());
    const auto [signal, wait] = rings().prepare(ring, queue);
    if (wait != 0) execbuffer.wait_for(wait);
    execbuffer.signal(signal);
    drm_i915_gem_execbuffer2 args = execbuffer.args();
    if (const int error = device().ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args); error < 0) {
        if (error == -EIO) watch().found(id, LossWatch::Finding::kGuilty);
        return fail(-error, "the kernel refused the submission to ring {} (errno {})", ring,
                    -error);
    }
    rings().submitted(ring, queue);
    statistics().submitted(ring, monotonic_ns());
    return {};
}

}  // namespace viaduct::i915
