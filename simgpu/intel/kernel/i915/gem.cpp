// The other ioctls on buffers (Linux: i915_gem_mman.c, i915_gem_domain.c,
// i915_gem_tiling.c, i915_gem_wait.c, i915_gem.c).
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "simgpu/intel/kernel/i915/drm_file.h"
#include "simgpu/intel/kernel/i915/extensions.h"
#include "simgpu/intel/kernel/i915/user_memory.h"
#include "simgpu/log.h"

namespace simgpu::intel::i915::gem {

namespace {

using Clock = std::chrono::steady_clock;

enum class Access { kRead, kWrite };

/// i915_gem_object_wait(): for writers, or for everybody. False on timeout.
bool wait_for_gpu(Buffer& buffer, Access access, Clock::time_point deadline) {
    const auto fences = access == Access::kWrite ? buffer.reservation().pending()
                                                 : buffer.reservation().pending_writes();
    return std::ranges::all_of(
        fences, [deadline](const drm::FencePtr& fence) { return fence->wait_until(deadline); });
}

/// i915_tiling_ok(), of GEN7 and later.
bool tiling_ok(uint32_t mode, uint32_t stride) {
    constexpr uint32_t kMaxPitch = 0x800 * 128;  // GEN7_FENCE_MAX_PITCH_VAL, in units of 128 bytes
    if (mode == I915_TILING_NONE) return true;
    if (mode > I915_TILING_LAST || stride == 0 || stride > kMaxPitch) return false;
    const uint32_t tile_width = mode == I915_TILING_X ? 512 : 128;
    return stride % tile_width == 0;
}

int check_range(const Buffer& buffer, uint64_t offset, uint64_t size) {
    return offset > buffer.size() || size > buffer.size() - offset ? -EINVAL : 0;
}

}  // namespace

int mmap_offset(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_i915_gem_mmap_offset*>(argument);
    if (const int error = walk_extensions(args.extensions, {})) return error;
    constexpr uint64_t kFixed = 4;  // I915_MMAP_OFFSET_FIXED: of chips with memory of their own
    if (args.flags > kFixed) return -EINVAL;
    const BufferPtr buffer = file.buffers().find(args.handle);
    if (!buffer) return -ENOENT;
    if (args.flags == kFixed) return -ENODEV;
    if (args.flags == I915_MMAP_OFFSET_GTT && !has_aperture(file.chip())) return -ENODEV;
    // Of user memory only a view through the aperture, which cannot be had here.
    if (buffer->is_user_memory()) return -ENODEV;
    if (args.flags == I915_MMAP_OFFSET_GTT && record_of(*buffer).tiling_mode != I915_TILING_NONE) {
        log("client {} ({}): views through the aperture are not simulated for tiled buffers",
            file.client_id(), file.client_name());
        return -ENODEV;
    }
    args.offset = file.buffers().mmap_offset(args.handle);
    return 0;
}

int set_domain(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const drm_i915_gem_set_domain*>(argument);
    constexpr uint32_t kCpuDomains = I915_GEM_DOMAIN_CPU | I915_GEM_DOMAIN_GTT | I915_GEM_DOMAIN_WC;
    if ((args.read_domains | args.write_domain) & ~kCpuDomains) return -EINVAL;
    if (args.write_domain != 0 && args.read_domains != args.write_domain) return -EINVAL;
    if (args.read_domains == 0) return 0;
    const BufferPtr buffer = file.buffers().find(args.handle);
    if (!buffer) return -ENOENT;
    wait_for_gpu(*buffer, args.write_domain != 0 ? Access::kWrite : Access::kRead,
                 Clock::time_point::max());
    // i915_gem_object_pin_pages(), for which it must still have any.
    return record_of(*buffer).madvise == __I915_MADV_PURGED ? -EFAULT : 0;
}

int sw_finish(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const drm_i915_gem_sw_finish*>(argument);
    return file.buffers().find(args.handle) ? 0 : -ENOENT;
}

int set_tiling(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_i915_gem_set_tiling*>(argument);
    if (!has_aperture(file.chip())) return -EOPNOTSUPP;
    const BufferPtr buffer = file.buffers().find(args.handle);
    if (!buffer) return -ENOENT;
    if (!tiling_ok(args.tiling_mode, args.stride)) return -EINVAL;
    args.swizzle_mode = I915_BIT_6_SWIZZLE_NONE;  // since GEN8
    if (args.tiling_mode == I915_TILING_NONE) args.stride = 0;
    const ReservationLock lock({&buffer->reservation()});
    GemRecord record = record_of(*buffer);
    record.tiling_mode = args.tiling_mode;
    record.stride = args.stride;
    set_record(*buffer, record);
    return 0;
}

int get_tiling(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_i915_gem_get_tiling*>(argument);
    if (!has_aperture(file.chip())) return -EOPNOTSUPP;
    const BufferPtr buffer = file.buffers().find(args.handle);
    if (!buffer) return -ENOENT;
    args.tiling_mode = record_of(*buffer).tiling_mode;
    args.swizzle_mode = args.phys_swizzle_mode = I915_BIT_6_SWIZZLE_NONE;
    return 0;
}

int get_aperture(DrmFile&, void* argument) {
    auto& args = *static_cast<drm_i915_gem_get_aperture*>(argument);
    // The size of the GGTT, most of which nothing is ever pinned in.
    args.aper_size = args.aper_available_size = 4ull << 30;
    return 0;
}

int madvise(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_i915_gem_madvise*>(argument);
    if (args.madv != I915_MADV_DONTNEED && args.madv != I915_MADV_WILLNEED) return -EINVAL;
    const BufferPtr buffer = file.buffers().find(args.handle);
    if (!buffer) return -ENOENT;
    const ReservationLock lock({&buffer->reservation()});
    GemRecord record = record_of(*buffer);
    if (record.madvise != __I915_MADV_PURGED) {
        record.madvise = args.madv;
        set_record(*buffer, record);
    }
    args.retained = record.madvise != __I915_MADV_PURGED;
    return 0;
}

int set_caching(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const drm_i915_gem_caching*>(argument);
    // IP_VER(12, 70) and later: "return -EOPNOTSUPP".
    if (file.chip().generation >= Generation::kGen12_5) return -EOPNOTSUPP;
    if (args.caching > I915_CACHING_DISPLAY) return -EINVAL;
    const BufferPtr buffer = file.buffers().find(args.handle);
    if (!buffer) return -ENOENT;
    if (buffer->is_user_memory()) return -ENXIO;
    const ReservationLock lock({&buffer->reservation()});
    GemRecord record = record_of(*buffer);
    // Without a write-through cache DISPLAY is NONE.
    record.caching = args.caching == I915_CACHING_CACHED ? I915_CACHING_CACHED : I915_CACHING_NONE;
    set_record(*buffer, record);
    return 0;
}

int get_caching(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_i915_gem_caching*>(argument);
    const BufferPtr buffer = file.buffers().find(args.handle);
    if (!buffer) return -ENOENT;
    args.caching = record_of(*buffer).caching;
    return 0;
}

int pread(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const drm_i915_gem_pread*>(argument);
    if (args.size == 0) return 0;
    const BufferPtr buffer = file.buffers().find(args.handle);
    if (!buffer) return -ENOENT;
    if (const int error = check_range(*buffer, args.offset, args.size)) return error;
    wait_for_gpu(*buffer, Access::kRead, Clock::time_point::max());
    const std::byte* data = buffer->data();
    return data ? copy_to_user(args.data_ptr, data + args.offset, args.size) : -ENOMEM;
}

int pwrite(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const drm_i915_gem_pwrite*>(argument);
    if (args.size == 0) return 0;
    const BufferPtr buffer = file.buffers().find(args.handle);
    if (!buffer) return -ENOENT;
    if (const int error = check_range(*buffer, args.offset, args.size)) return error;
    wait_for_gpu(*buffer, Access::kWrite, Clock::time_point::max());
    std::byte* data = buffer->data();
    return data ? copy_from_user(data + args.offset, args.data_ptr, args.size) : -ENOMEM;
}

int wait(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_i915_gem_wait*>(argument);
    if (args.flags != 0) return -EINVAL;
    const BufferPtr buffer = file.buffers().find(args.bo_handle);
    if (!buffer) return -ENOENT;
    const auto start = Clock::now();
    const auto timeout = std::chrono::nanoseconds(args.timeout_ns);
    const bool endless = args.timeout_ns < 0 || timeout > Clock::time_point::max() - start;
    const bool idle =
        wait_for_gpu(*buffer, Access::kWrite, endless ? Clock::time_point::max() : start + timeout);
    if (args.timeout_ns > 0) {
        const auto left = timeout - (Clock::now() - start);
        args.timeout_ns = std::max<int64_t>(left.count(), 0);
    }
    return idle ? 0 : -ETIME;
}

}  // namespace simgpu::intel::i915::gem
