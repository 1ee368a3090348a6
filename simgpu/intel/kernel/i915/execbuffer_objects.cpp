// The buffers of a submission.
#include <sys/mman.h>

#include <bit>
#include <cerrno>

#include "simgpu/intel/kernel/i915/execbuffer.h"
#include "simgpu/intel/kernel/i915/user_memory.h"
#include "simgpu/intel/kernel/ppgtt.h"

namespace simgpu::intel::i915 {

namespace {

constexpr uint64_t kPageMask = ~(kPage - 1);

}  // namespace

/// eb_validate_vma()
int Execbuffer::check(Object& object) const {
    // platform_has_relocs_enabled(): Tiger Lake and its kin are the last that have them.
    if (object.relocation_count != 0 && file_.chip().generation > Generation::kGen12)
        return -EINVAL;
    // Every context has address spaces of its own: nothing is in the global one.
    if (object.flags & (kObjectUnknownFlags | EXEC_OBJECT_NEEDS_GTT)) return -EINVAL;
    if (object.alignment != 0 && !std::has_single_bit(object.alignment)) return -EINVAL;
    if ((object.flags & EXEC_OBJECT_PINNED) &&
        object.offset != canonical(object.offset & kPageMask))
        return -EINVAL;
    if (object.flags & EXEC_OBJECT_PAD_TO_SIZE) {
        if (object.pad_to_size % kPage != 0) return -EINVAL;
    } else {
        object.pad_to_size = 0;
    }
    object.offset = without_sign(object.offset);
    return 0;
}

bool Execbuffer::is_batch(size_t index) const {
    return index == (args_.flags & I915_EXEC_BATCH_FIRST ? 0 : objects_.size() - 1);
}

/// eb_add_vma()
int Execbuffer::check_batch(size_t index) {
    if (!is_batch(index)) return 0;
    batch_ = index;
    const Object& object = objects_[index];
    if (object.relocation_count != 0 && !(object.flags & EXEC_OBJECT_PINNED))
        requests_[index].biased = true;
    if (object.flags & EXEC_OBJECT_WRITE) return -EINVAL;  // "self-modifying batch buffer"
    const uint64_t size = requests_[index].buffer->size();
    if (args_.batch_start_offset > size || args_.batch_len > size - args_.batch_start_offset)
        return -EINVAL;
    const bool empty = args_.batch_len == 0 && args_.batch_start_offset == size;
    return empty ? -EINVAL : 0;
}

/// eb_lookup_vmas()
int Execbuffer::look_up() {
    requests_.resize(objects_.size());
    for (size_t i = 0; i < objects_.size(); ++i) {
        Object& object = objects_[i];
        PlaceRequest& request = requests_[i];
        request.buffer = file_.buffers().find(object.handle);
        if (!request.buffer) return -ENOENT;
        if (const int error = check(object)) return error;
        request.size = std::max(request.buffer->size(), uint64_t{object.pad_to_size});
        request.alignment = object.alignment;
        request.wanted = object.offset;
        request.pinned = object.flags & EXEC_OBJECT_PINNED;
        request.low = !(object.flags & EXEC_OBJECT_SUPPORTS_48B_ADDRESS);
        if (const int error = check_batch(i)) return error;
        // i915_gem_object_userptr_submit_init()
        if (request.buffer->is_user_memory() &&
            ::msync(request.buffer->data(), request.buffer->size(), MS_ASYNC) != 0)
            return -EFAULT;
    }
    return 0;
}

/// __i915_gem_object_get_pages(): "Attempting to obtain a purgeable object". With the reservations
/// held.
int Execbuffer::check_pages() const {
    for (const PlaceRequest& request : requests_)
        if (record_of(*request.buffer).madvise == __I915_MADV_PURGED) return -EFAULT;
    return 0;
}

int Execbuffer::place() {
    if (const int error = context_->vm()->place(requests_)) return error;
    for (size_t i = 0; i < objects_.size(); ++i) {
        moved_[i] = objects_[i].offset != requests_[i].address;
        objects_[i].offset = requests_[i].address;
        // __EXEC_HAS_RELOC: what points there is wrong now.
        if (moved_[i]) needs_relocation_ = true;
    }
    return 0;
}

void Execbuffer::write_offsets_back() const {
    for (size_t i = 0; i < objects_.size(); ++i) {
        if (!moved_[i]) continue;
        const uint64_t at = args_.buffers_ptr + i * sizeof(Object) + offsetof(Object, offset);
        put_user(canonical(requests_[i].address), at);
    }
}

}  // namespace simgpu::intel::i915
