#include "drm-context/i915/execbuffer.h"

#include <algorithm>
#include <cstring>

namespace viaduct::i915 {

namespace w = wire::i915;

namespace {

// All that changes a submission without naming descriptors, pointers or privileges: FENCE_IN,
// FENCE_OUT, FENCE_SUBMIT, FENCE_ARRAY and USE_EXTENSIONS are for the host alone, SECURE is never
// allowed.
constexpr uint64_t kGuestFlags = I915_EXEC_RING_MASK | I915_EXEC_CONSTANTS_MASK |
                                 I915_EXEC_GEN7_SOL_RESET | I915_EXEC_NO_RELOC |
                                 I915_EXEC_HANDLE_LUT | I915_EXEC_BSD_MASK | I915_EXEC_BATCH_FIRST;

}  // namespace

Status Execbuffer::check_flags() const {
    if (wanted_.flags & ~kGuestFlags)
        return fail(EINVAL, "flags {:#x} are not allowed for guests", wanted_.flags & ~kGuestFlags);
    if (wanted_.context_id > UINT32_MAX)
        return fail(EINVAL, "GEM context {:#x} has more than 32 bits", wanted_.context_id);
    // Without HANDLE_LUT a relocation's target would be a handle.
    if (wanted_.relocs_count != 0 && !(wanted_.flags & I915_EXEC_HANDLE_LUT))
        return fail(EINVAL, "relocations need I915_EXEC_HANDLE_LUT");
    return {};
}

Status Execbuffer::translate(const Request& request) {
    wanted_ = request.as<w::GemExecbuffer2Request>();
    if (Status status = check_flags(); !status) return status;
    const uint64_t objects_size =
        uint64_t{wanted_.buffer_count} * sizeof(drm_i915_gem_exec_object2);
    const uint64_t relocs_size =
        uint64_t{wanted_.relocs_count} * sizeof(drm_i915_gem_relocation_entry);
    std::span<const std::byte> objects, relocations;
    if (request.size() != sizeof(wanted_) + objects_size + relocs_size ||
        !request.payload(sizeof(wanted_), objects_size, &objects) ||
        !request.payload(sizeof(wanted_) + objects_size, relocs_size, &relocations))
        return fail(EINVAL, "{} buffers and {} relocations do not match a request of {} bytes",
                    wanted_.buffer_count, wanted_.relocs_count, request.size());
    relocations_.resize(wanted_.relocs_count);
    if (relocs_size != 0) std::memcpy(relocations_.data(), relocations.data(), relocs_size);
    objects_.reserve(wanted_.buffer_count);
    uint64_t dealt_out = 0;
    for (uint32_t i = 0; i < wanted_.buffer_count; ++i)
        if (Status status = translate_object(objects, i, dealt_out); !status) return status;
    return {};
}

/// `relocations`: how many those before have; they are dealt out in order.
Status Execbuffer::translate_object(std::span<const std::byte> objects, uint32_t index,
                                    uint64_t& relocations) {
    auto object = element<drm_i915_gem_exec_object2>(objects, index);
    const auto buffer = context_.find_buffer(ResourceId(object.handle));
    if (!buffer) return tl::unexpected(buffer.error());
    if (object.relocation_count > relocations_.size() - relocations)
        return fail(EINVAL, "buffer {}: {} relocations exceed the {} left", index,
                    object.relocation_count, relocations_.size() - relocations);
    object.handle = (*buffer)->handle.get().value();
    object.relocs_ptr = object.relocation_count == 0
                            ? 0
                            : reinterpret_cast<uintptr_t>(relocations_.data() + relocations);
    object.rsvd2 = 0;
    // Guest memory has no business in the host's error state.
    object.flags &= ~uint64_t{EXEC_OBJECT_CAPTURE};
    relocations += object.relocation_count;
    objects_.push_back(object);
    sizes_.push_back((*buffer)->size);
    return {};
}

std::vector<PlacedBuffer> Execbuffer::buffers() const {
    std::vector<PlacedBuffer> buffers;
    buffers.reserve(objects_.size());
    for (size_t i = 0; i < objects_.size(); ++i) {
        const auto& object = objects_[i];
        PlacedBuffer& buffer = buffers.emplace_back();
        buffer.handle = GemHandle(object.handle);
        buffer.size = std::max<uint64_t>(sizes_[i], object.pad_to_size);
        if (object.flags & EXEC_OBJECT_PINNED) buffer.at = object.offset;
    }
    return buffers;
}

drm_i915_gem_execbuffer2 Execbuffer::args() {
    drm_i915_gem_execbuffer2 args{};
    args.buffers_ptr = reinterpret_cast<uintptr_t>(objects_.data());
    args.buffer_count = static_cast<uint32_t>(objects_.size());
    args.batch_start_offset = wanted_.batch_start_offset;
    args.batch_len = wanted_.batch_len;
    args.num_cliprects = static_cast<uint32_t>(fences_.size());
    args.cliprects_ptr = reinterpret_cast<uintptr_t>(fences_.data());
    args.flags = wanted_.flags | I915_EXEC_FENCE_ARRAY;
    i915_execbuffer2_set_context_id(args, wanted_.context_id);
    return args;
}

}  // namespace viaduct::i915
