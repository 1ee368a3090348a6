// Creating buffers (Linux: i915_gem_create.c, i915_gem_userptr.c).
#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <climits>

#include "simgpu/inject.h"
#include "simgpu/intel/kernel/i915/drm_file.h"
#include "simgpu/intel/kernel/i915/extensions.h"
#include "simgpu/intel/kernel/i915/user_memory.h"

namespace simgpu::intel::i915::gem {

namespace {

constexpr uint64_t kMostPages = INT_MAX;  // i915_gem_object_size_2big()

struct CreateRequest {
    uint64_t size = 0;
    uint32_t placements = 0;
    GemRecord record{};
};

/// Memory is short: buffers that nobody needs lose what they hold (i915_gem_shrink()).
void purge(DrmFile& file) {
    for (const BufferPtr& buffer : file.buffers().all()) {
        const ReservationLock lock({&buffer->reservation()});
        GemRecord record = record_of(*buffer);
        if (record.madvise != I915_MADV_DONTNEED || !buffer->reservation().pending().empty())
            continue;
        record.madvise = __I915_MADV_PURGED;
        set_record(*buffer, record);
        buffer->forget_content();
    }
}

/// A kernel finds out that memory is short when the pages are touched; here they are booked at
/// once.
int create_object(DrmFile& file, const CreateRequest& wanted, uint64_t* size, uint32_t* handle) {
    if (wanted.size > kMostPages * kPage) return -E2BIG;
    const uint64_t rounded = round_up(wanted.size, kPage);
    if (rounded == 0) return -EINVAL;
    if (inject_into_allocation(rounded, file.client_name())) {
        purge(file);
        return -ENOMEM;
    }
    Buffer::Request request;
    request.size = rounded;
    request.record = Buffer::Record::of(wanted.record);
    request.wishes = {shared::Wish{.size = rounded, .system = true}};
    const auto buffer = Buffer::create(file.shared_device(), request);
    if (!buffer) {
        purge(file);
        return buffer.error();
    }
    *handle = file.buffers().add(*buffer);
    *size = rounded;
    return 0;
}

/// set_placements(), of the one region that there is.
int set_placements(unsigned long long at, CreateRequest& request) {
    drm_i915_gem_create_ext_memory_regions extension{};
    constexpr uint32_t kMostRegions = 4;  // INTEL_REGION_UNKNOWN
    if (const int error = get_user(&extension, at)) return error;
    if (extension.pad != 0 || extension.num_regions == 0 || extension.num_regions > kMostRegions)
        return -EINVAL;
    for (uint32_t i = 0; i < extension.num_regions; ++i) {
        drm_i915_gem_memory_class_instance region{};
        if (const int error = get_user(&region, extension.regions + i * sizeof(region)))
            return error;
        if (region.memory_class != I915_MEMORY_CLASS_SYSTEM || region.memory_instance != 0)
            return -EINVAL;
        if (i != 0) return -EINVAL;  // twice the same
    }
    if (request.placements != 0) return -EINVAL;
    request.placements = extension.num_regions;
    return 0;
}

int set_protected(unsigned long long at) {
    drm_i915_gem_create_ext_protected_content extension{};
    if (const int error = get_user(&extension, at)) return error;
    return extension.flags != 0 ? -EINVAL : -ENODEV;
}

int set_pat(const ChipInfo& chip, unsigned long long at, CreateRequest& request) {
    // "Limiting the extension only to Xe_LPG and beyond"
    if (chip.generation < Generation::kGen12_5) return -ENODEV;
    constexpr uint32_t kMaxPatIndex = 4;  // i915_pci.c: Meteor Lake
    CreateExtSetPat extension{};
    if (const int error = get_user(&extension, at)) return error;
    if (extension.pat_index > kMaxPatIndex) return -EINVAL;
    request.record.pat_set_by_user = 1;
    return 0;
}

}  // namespace

int create(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_i915_gem_create*>(argument);
    const CreateRequest request{.size = args.size};
    uint64_t size = 0;
    const int error = create_object(file, request, &size, &args.handle);
    if (error == 0) args.size = size;
    return error;
}

int create_ext(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_i915_gem_create_ext*>(argument);
    if (args.flags & ~uint32_t{I915_GEM_CREATE_EXT_FLAG_NEEDS_CPU_ACCESS}) return -EINVAL;
    CreateRequest request{.size = args.size};
    const std::array<ExtensionHandler, kCreateExtSetPat + 1> handlers = {
        [&](unsigned long long at) { return set_placements(at, request); },
        set_protected,
        [&](unsigned long long at) { return set_pat(file.chip(), at, request); },
    };
    if (const int error = walk_extensions(args.extensions, handlers)) return error;
    // It takes a choice of regions, and there is one.
    if (args.flags & I915_GEM_CREATE_EXT_FLAG_NEEDS_CPU_ACCESS) return -EINVAL;
    uint64_t size = 0;
    const int error = create_object(file, request, &size, &args.handle);
    if (error == 0) args.size = size;
    return error;
}

int userptr(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_i915_gem_userptr*>(argument);
    constexpr uint32_t kFlags =
        I915_USERPTR_READ_ONLY | I915_USERPTR_PROBE | I915_USERPTR_UNSYNCHRONIZED;
    if (args.flags & ~kFlags) return -EINVAL;
    if (args.user_size / kPage > kMostPages) return -E2BIG;
    if (args.user_size == 0 || args.user_ptr % kPage != 0 || args.user_size % kPage != 0)
        return -EINVAL;
    if (args.user_ptr + args.user_size < args.user_ptr) return -EFAULT;
    if (args.flags & I915_USERPTR_UNSYNCHRONIZED) return -ENODEV;
    // Read-only PPGTT pages exist, but writes to them are dropped, which is not simulated.
    if (args.flags & I915_USERPTR_READ_ONLY) return -ENODEV;
    auto* const address = user_pointer<void>(args.user_ptr);
    // Without PROBE the first submission finds out, likewise with EFAULT.
    if ((args.flags & I915_USERPTR_PROBE) && ::msync(address, args.user_size, MS_ASYNC) != 0)
        return -EFAULT;
    args.handle = file.buffers().add(
        Buffer::wrap_user_memory(address, args.user_size, Buffer::Record::of(GemRecord{})));
    return 0;
}

}  // namespace simgpu::intel::i915::gem
