// Buffer objects (Linux: xe_bo.c).
#include <algorithm>
#include <cerrno>

#include "simgpu/inject.h"
#include "simgpu/intel/kernel/xe/drm_file.h"
#include "simgpu/intel/kernel/xe/extensions.h"

namespace simgpu::intel::xe::gem {

namespace {

using namespace uapi::xe;

constexpr uint32_t kFlags =
    kGemDeferBacking | kGemScanout | kGemNeedsVisibleVram | kGemNoCompression;

int set_property(uint32_t property, uint64_t value) {
    constexpr uint32_t kPxpType = 0;  // DRM_XE_GEM_CREATE_SET_PROPERTY_PXP_TYPE, Linux 6.15
    if (property != kPxpType) return -EINVAL;
    return value == 0 ? 0 : -ENODEV;  // there is no protected content
}

/// The checks, in the order of xe_gem_create_ioctl().
int check(const ChipInfo& chip, const GemCreate& args) {
    if (args.pad[0] || args.pad[1] || args.pad[2] || args.reserved[0] || args.reserved[1])
        return -EINVAL;
    if (args.placement == 0 || args.placement & ~region_mask(chip)) return -EINVAL;
    if (args.flags & ~kFlags) return -EINVAL;
    if (args.flags & kGemNoCompression && chip.generation < Generation::kXe2) return -EOPNOTSUPP;
    if (args.handle != 0) return -EINVAL;
    if (args.size == 0 || args.size % kPage != 0) return -EINVAL;
    const bool vram = args.placement & region_bit(kVramRegion);
    if (args.flags & kGemNeedsVisibleVram && !vram) return -EINVAL;
    if (args.cpu_caching != kCachingWriteBack && args.cpu_caching != kCachingWriteCombined)
        return -EINVAL;
    if (vram && args.cpu_caching == kCachingWriteBack) return -EINVAL;
    if (args.flags & kGemScanout && args.cpu_caching == kCachingWriteBack) return -EINVAL;
    return 0;
}

}  // namespace

int create(DrmFile& file, void* argument) {
    auto& args = *static_cast<GemCreate*>(argument);
    if (const int error = check(file.chip(), args)) return error;
    uint64_t vm_serial = 0;
    if (args.vm_id != 0) {
        const VmPtr vm = file.vms().find(args.vm_id);
        if (!vm) return -ENOENT;
        vm_serial = vm->serial();
    }
    if (const int error = walk_extensions(args.extensions, set_property)) return error;
    // More than there is cannot be backed.
    const bool system = args.placement & region_bit(kSystemRegion);
    const bool vram = args.placement & region_bit(kVramRegion);
    const uint64_t most =
        std::max(system ? kSystemBytes : 0, vram ? file.chip().vram_bytes : uint64_t{0});
    if (args.size > most || inject_into_allocation(args.size, file.client_name())) return -ENOMEM;
    Buffer::Request request;
    request.size = args.size;
    request.record =
        Buffer::Record::of(BoRecord{.cpu_caching = args.cpu_caching, .vm_serial = vm_serial});
    request.wishes.push_back({.size = args.size, .vram = vram, .system = system});
    const auto buffer = Buffer::create(file.shared_device(), request);
    if (!buffer) return buffer.error();
    args.handle = file.buffers().add(*buffer);
    return 0;
}

int mmap_offset(DrmFile& file, void* argument) {
    auto& args = *static_cast<GemMmapOffset*>(argument);
    if (args.extensions || args.reserved[0] || args.reserved[1]) return -EINVAL;
    // DRM_XE_MMAP_OFFSET_FLAG_PCI_BARRIER, for cards, is not simulated.
    if (args.flags != 0) return -EINVAL;
    if (!file.buffers().find(args.handle)) return -ENOENT;
    args.offset = file.buffers().mmap_offset(args.handle);
    return 0;
}

}  // namespace simgpu::intel::xe::gem
