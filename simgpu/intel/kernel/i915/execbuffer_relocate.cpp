// Relocations: addresses that the kernel writes into buffers.
#include <bit>
#include <cerrno>
#include <cstring>

#include "simgpu/intel/kernel/i915/execbuffer.h"
#include "simgpu/intel/kernel/i915/user_memory.h"
#include "simgpu/intel/kernel/ppgtt.h"

namespace simgpu::intel::i915 {

namespace {

using Entry = drm_i915_gem_relocation_entry;

constexpr uint32_t kGpuDomains = I915_GEM_DOMAIN_RENDER | I915_GEM_DOMAIN_SAMPLER |
                                 I915_GEM_DOMAIN_COMMAND | I915_GEM_DOMAIN_INSTRUCTION |
                                 I915_GEM_DOMAIN_VERTEX;
constexpr uint64_t kAddressBytes = 8;  // since GEN8

}  // namespace

/// eb_get_vma()
std::optional<size_t> Execbuffer::find_target(uint32_t handle) const {
    if (args_.flags & I915_EXEC_HANDLE_LUT)
        return handle < objects_.size() ? std::optional<size_t>(handle) : std::nullopt;
    for (size_t i = objects_.size(); i-- > 0;)
        if (objects_[i].handle == handle) return i;
    return std::nullopt;
}

/// eb_relocate_entry(). `*presumed`: what the user's entry is to say from now on.
int Execbuffer::apply(const Entry& entry, size_t index, uint64_t* presumed) {
    const auto target = find_target(entry.target_handle);
    if (!target) return -ENOENT;
    if (entry.write_domain != 0 && !std::has_single_bit(entry.write_domain)) return -EINVAL;
    if ((entry.write_domain | entry.read_domains) & ~kGpuDomains) return -EINVAL;
    if (entry.write_domain != 0) objects_[*target].flags |= EXEC_OBJECT_WRITE;
    const uint64_t address = requests_[*target].address;
    if (canonical(address) == entry.presumed_offset) return 0;
    Buffer& buffer = *requests_[index].buffer;
    if (entry.offset > buffer.size() - kAddressBytes) return -EINVAL;
    if (entry.offset % sizeof(uint32_t) != 0) return -EINVAL;
    std::byte* data = buffer.data();
    if (!data) return -ENOMEM;
    const uint64_t value = canonical(
        address + static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(entry.delta))));
    std::memcpy(data + entry.offset, &value, sizeof(value));
    *presumed = canonical(address);
    return 0;
}

int Execbuffer::relocate_object(size_t index) {
    const Object& object = objects_[index];
    for (uint32_t i = 0; i < object.relocation_count; ++i) {
        const uint64_t at = object.relocs_ptr + i * sizeof(Entry);
        Entry entry{};
        if (const int error = get_user(&entry, at)) return error;
        uint64_t presumed = entry.presumed_offset;
        if (const int error = apply(entry, index, &presumed)) return error;
        if (presumed != entry.presumed_offset)
            put_user(presumed, at + offsetof(Entry, presumed_offset));
    }
    return 0;
}

int Execbuffer::relocate() {
    for (size_t i = 0; i < objects_.size(); ++i)
        if (const int error = relocate_object(i)) return error;
    return 0;
}

}  // namespace simgpu::intel::i915
