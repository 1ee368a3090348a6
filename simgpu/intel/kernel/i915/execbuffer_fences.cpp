// The fences that a submission waits for and signals.
#include <array>
#include <cerrno>

#include "simgpu/intel/kernel/i915/execbuffer.h"
#include "simgpu/intel/kernel/i915/extensions.h"
#include "simgpu/intel/kernel/i915/user_memory.h"
#include "simgpu/log.h"

namespace simgpu::intel::i915 {

namespace {

constexpr uint64_t kMostFences = 1u << 16;  // bounded; the kernel's bound is its memory

}  // namespace

/// parse_execbuf2_extensions()
int Execbuffer::parse_extensions() {
    if (!(args_.flags & I915_EXEC_USE_EXTENSIONS)) return 0;
    if ((args_.flags & I915_EXEC_FENCE_ARRAY) || args_.num_cliprects != 0) return -EINVAL;
    const std::array<ExtensionHandler, 1> handlers = {
        [this](unsigned long long at) { return parse_timeline_fences(at); }};
    return walk_extensions(args_.cliprects_ptr, handlers);
}

int Execbuffer::parse_timeline_fences(unsigned long long at) {
    drm_i915_gem_execbuffer_ext_timeline_fences extension{};
    if (const int error = get_user(&extension, at)) return error;
    if (extension.fence_count > kMostFences) return -ENOMEM;
    for (uint64_t i = 0; i < extension.fence_count; ++i) {
        drm_i915_gem_exec_fence fence{};
        uint64_t point = 0;
        if (const int error = get_user(&fence, extension.handles_ptr + i * sizeof(fence)))
            return error;
        if (fence.flags & kFenceUnknownFlags) return -EINVAL;
        if (const int error = get_user(&point, extension.values_ptr + i * sizeof(point)))
            return error;
        if (const int error = add_timeline_fence(fence, point)) return error;
    }
    return 0;
}

int Execbuffer::add_timeline_fence(const drm_i915_gem_exec_fence& fence, uint64_t point) {
    if (!file_.syncobjs().contains(fence.handle)) return -ENOENT;
    int error = 0;
    drm::FencePtr found = file_.syncobjs().find_fence(fence.handle, point, &error);
    // One that is signalled is still looked for: a point that nobody has submitted is an error,
    // unless this submission is to signal it.
    const bool signals = fence.flags & I915_EXEC_FENCE_SIGNAL;
    if (!found && fence.flags != 0 && !signals) return -EINVAL;
    // "Waiting and signaling the same point (when point != 0) would break the timeline."
    if (signals && point != 0 && (fence.flags & I915_EXEC_FENCE_WAIT)) return -EINVAL;
    // await_fence_array() waits for all that is there, whatever the flags say: also for what the
    // syncobj had before.
    fences_.push_back({fence.handle, fence.flags, point, std::move(found)});
    return 0;
}

/// add_fence_array()
int Execbuffer::parse_fence_array() {
    if (!(args_.flags & I915_EXEC_FENCE_ARRAY)) return 0;
    if (args_.num_cliprects > kMostFences) return -ENOMEM;
    for (uint32_t i = 0; i < args_.num_cliprects; ++i) {
        drm_i915_gem_exec_fence fence{};
        if (const int error = get_user(&fence, args_.cliprects_ptr + i * sizeof(fence)))
            return error;
        if (fence.flags & kFenceUnknownFlags) return -EINVAL;
        if (!file_.syncobjs().contains(fence.handle)) return -ENOENT;
        drm::FencePtr found;
        if (fence.flags & I915_EXEC_FENCE_WAIT) {
            int error = 0;
            found = file_.syncobjs().find_fence(fence.handle, 0, &error);
            if (!found) return -EINVAL;  // "Syncobj handle has no fence"
        }
        fences_.push_back({fence.handle, fence.flags, 0, std::move(found)});
    }
    return 0;
}

int Execbuffer::parse_in_fence() {
    constexpr uint64_t kInFences = I915_EXEC_FENCE_IN | I915_EXEC_FENCE_SUBMIT;
    if (!(args_.flags & kInFences)) return 0;
    if ((args_.flags & kInFences) == kInFences) return -EINVAL;
    if (args_.flags & I915_EXEC_FENCE_SUBMIT) {
        log("client {} ({}): I915_EXEC_FENCE_SUBMIT is not simulated", file_.client_id(),
            file_.client_name());
        return -EINVAL;
    }
    in_fence_ = drm::Fence::from_sync_file(static_cast<int>(args_.rsvd2 & UINT32_MAX));
    return in_fence_ ? 0 : -EINVAL;
}

/// signal_fence_array()
void Execbuffer::signal(const drm::FencePtr& fence) {
    for (const SyncobjFence& one : fences_)
        if (one.flags & I915_EXEC_FENCE_SIGNAL)
            file_.syncobjs().attach_fence(one.handle, one.point, fence);
}

}  // namespace simgpu::intel::i915
