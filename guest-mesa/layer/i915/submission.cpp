#include "guest-mesa/layer/i915/submission.h"

#include <algorithm>
#include <cerrno>

namespace viaduct::guest::i915 {

namespace {

// Bounded; kernels' bounds are their memory.
constexpr uint32_t kMostObjects = 1u << 18;
constexpr uint64_t kMostFences = 1u << 12;
constexpr uint32_t kMostRelocations = 1u << 18;

constexpr uint64_t kFenceFlags = I915_EXEC_FENCE_IN | I915_EXEC_FENCE_OUT | I915_EXEC_FENCE_ARRAY |
                                 I915_EXEC_FENCE_SUBMIT | I915_EXEC_USE_EXTENSIONS;
constexpr uint64_t kUnknownFlags = ~((uint64_t{I915_EXEC_USE_EXTENSIONS} << 1) - 1);
constexpr uint32_t kUnknownFenceFlags = ~((uint32_t{I915_EXEC_FENCE_SIGNAL} << 1) - 1);

template <typename T>
T load(uint64_t address, uint64_t index = 0) {
    T value{};
    std::memcpy(&value, reinterpret_cast<const std::byte*>(address) + index * sizeof(T), sizeof(T));
    return value;
}

}  // namespace

/// As the kernel's i915_gem_check_execbuffer() and the host's own list of flags.
int Submission::check(const drm_i915_gem_execbuffer2& arg) {
    if (arg.buffer_count == 0 || arg.buffer_count > kMostObjects) return -EINVAL;
    if (arg.flags & (kUnknownFlags | I915_EXEC_CONSTANTS_MASK | I915_EXEC_RESOURCE_STREAMER))
        return -EINVAL;
    if (arg.flags & I915_EXEC_SECURE) return -EPERM;
    const bool uses_cliprects = arg.flags & (I915_EXEC_FENCE_ARRAY | I915_EXEC_USE_EXTENSIONS);
    if (!uses_cliprects && (arg.num_cliprects != 0 || arg.cliprects_ptr != 0)) return -EINVAL;
    if (arg.DR1 != 0 || (arg.DR4 != 0 && arg.DR4 != UINT32_MAX)) return -EINVAL;
    if ((arg.batch_start_offset | arg.batch_len) & 7) return -EINVAL;
    // A fence of the node cannot express when the work before it begins.
    if (arg.flags & I915_EXEC_FENCE_SUBMIT) return -EINVAL;
    return arg.buffers_ptr == 0 ? -EFAULT : 0;
}

int Submission::parse(const Channel& channel, GemTable& gems, const drm_i915_gem_execbuffer2& arg) {
    if (const int error = check(arg); error < 0) return error;
    head_ = make_request<wire::GemExecbuffer2Request>(wire::Command::kGemExecbuffer2);
    head_.flags = (arg.flags & ~kFenceFlags & ~uint64_t{I915_EXEC_IS_PINNED});
    head_.context_id = i915_execbuffer2_get_context_id(arg);
    head_.batch_start_offset = arg.batch_start_offset;
    head_.batch_len = arg.batch_len;
    targets_are_indices_ = arg.flags & I915_EXEC_HANDLE_LUT;
    wants_out_fence_ = arg.flags & I915_EXEC_FENCE_OUT;
    if (arg.flags & I915_EXEC_FENCE_IN) in_fence_ = static_cast<int>(arg.rsvd2 & UINT32_MAX);
    if (arg.flags & I915_EXEC_USE_EXTENSIONS) {
        if ((arg.flags & I915_EXEC_FENCE_ARRAY) || arg.num_cliprects != 0) return -EINVAL;
        for (uint64_t at = arg.cliprects_ptr; at != 0;) {
            if (in_.size() + out_.size() > kMostFences) return -E2BIG;
            const auto base = load<i915_user_extension>(at);
            if (base.name != DRM_I915_GEM_EXECBUFFER_EXT_TIMELINE_FENCES) return -EINVAL;
            if (const int error = parse_timeline_fences(at); error < 0) return error;
            at = base.next_extension;
        }
    }
    if (arg.flags & I915_EXEC_FENCE_ARRAY)
        if (const int error = parse_fence_array(arg.cliprects_ptr, arg.num_cliprects); error < 0)
            return error;
    return parse_objects(channel, gems, arg.buffers_ptr, arg.buffer_count);
}

int Submission::add_fence(const drm_i915_gem_exec_fence& fence, uint64_t point) {
    if (fence.flags & kUnknownFenceFlags) return -EINVAL;
    const bool waits = fence.flags & I915_EXEC_FENCE_WAIT;
    const bool signals = fence.flags & I915_EXEC_FENCE_SIGNAL;
    if (waits && signals && point != 0) return -EINVAL;
    if (waits) in_.push_back({fence.handle, 0, point});
    if (signals) out_.push_back({fence.handle, 0, point});
    return 0;
}

int Submission::parse_fence_array(uint64_t fences, uint32_t count) {
    if (count > kMostFences) return -ENOMEM;
    if (count != 0 && fences == 0) return -EFAULT;
    for (uint32_t i = 0; i < count; ++i)
        if (const int error = add_fence(load<drm_i915_gem_exec_fence>(fences, i), 0); error < 0)
            return error;
    return 0;
}

int Submission::parse_timeline_fences(uint64_t at) {
    const auto extension = load<drm_i915_gem_execbuffer_ext_timeline_fences>(at);
    if (extension.fence_count > kMostFences) return -ENOMEM;
    if (extension.fence_count != 0 && (extension.handles_ptr == 0 || extension.values_ptr == 0))
        return -EFAULT;
    for (uint64_t i = 0; i < extension.fence_count; ++i) {
        const auto fence = load<drm_i915_gem_exec_fence>(extension.handles_ptr, i);
        const auto point = load<uint64_t>(extension.values_ptr, i);
        if (const int error = add_fence(fence, point); error < 0) return error;
    }
    return 0;
}

int Submission::parse_objects(const Channel& channel, GemTable& gems, uint64_t objects,
                              uint32_t count) {
    objects_.reserve(count);
    for (uint32_t i = 0; i < count; ++i)
        handles_.emplace_back(load<drm_i915_gem_exec_object2>(objects, i).handle);
    for (uint32_t i = 0; i < count; ++i) {
        auto object = load<drm_i915_gem_exec_object2>(objects, i);
        const GemHandle handle(object.handle);
        const auto found = gems.find(channel, handle);
        if (!found) return -ENOENT;
        if (found->shared) shared_handles_.push_back(handle);
        if (const int error = parse_relocations(object); error < 0) return error;
        object.handle = found->resource.value();
        object.relocs_ptr = 0;
        objects_.push_back(object);
    }
    // The node locks each, and refuses the second time.
    auto& shared = shared_handles_;
    std::sort(shared.begin(), shared.end());
    shared.erase(std::unique(shared.begin(), shared.end()), shared.end());
    return 0;
}

int Submission::parse_relocations(const drm_i915_gem_exec_object2& object) {
    if (object.relocation_count > kMostRelocations - relocations_.size()) return -ENOMEM;
    if (object.relocation_count != 0 && object.relocs_ptr == 0) return -EFAULT;
    for (uint32_t i = 0; i < object.relocation_count; ++i) {
        auto entry = load<drm_i915_gem_relocation_entry>(object.relocs_ptr, i);
        if (!targets_are_indices_) {
            const auto target = std::ranges::find(handles_, GemHandle(entry.target_handle));
            if (target == handles_.end()) return -ENOENT;
            entry.target_handle = static_cast<uint32_t>(target - handles_.begin());
        }
        relocations_.push_back(entry);
    }
    return 0;
}

std::vector<std::byte> Submission::request() const {
    wire::GemExecbuffer2Request head = head_;
    head.buffer_count = static_cast<uint32_t>(objects_.size());
    head.relocs_count = static_cast<uint32_t>(relocations_.size());
    if (!relocations_.empty()) head.flags |= I915_EXEC_HANDLE_LUT;
    LongRequest request(head);
    request.append_bytes(objects_.data(), objects_.size() * sizeof(objects_[0]));
    request.append_bytes(relocations_.data(), relocations_.size() * sizeof(relocations_[0]));
    const auto bytes = request.finish();
    return {bytes.begin(), bytes.end()};
}

}  // namespace viaduct::guest::i915
