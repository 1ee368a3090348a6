// GEM_CREATE, GEM_CREATE_EXT, GEM_SET_MMAP_MODE, GEM_BUSY.
#include <drm_fourcc.h>

#include "drm-context/i915/create_extensions.h"
#include "drm-context/i915/i915_context.h"
#include "drm-context/i915/uapi.h"

namespace viaduct::i915 {

namespace w = wire::i915;

/// `make(handle, size)`: the kernel's ioctl. A buffer beyond a limit is never created, which the
/// guest finds out when it asks for it.
template <typename Make>
Status I915Context::make_buffer(const NewBuffer& wanted, Make make) {
    if (Status status = objects().check_unclaimed(wanted.blob_id); !status) return status;
    const uint64_t size = round_up_to_page(wanted.size);
    if (size == 0) return fail(EINVAL, "invalid buffer size {:#x}", wanted.size);
    auto charge = account().charge(wanted.place, size);
    if (!charge) return tl::unexpected(charge.error());
    GemHandle handle;
    uint64_t real_size = wanted.size;
    if (const int error = make(handle, real_size); error < 0)
        return fail(-error, "the kernel refused a buffer of {} bytes (errno {})", wanted.size,
                    -error);
    GemReference owner(gem(), handle);
    // Memory of the device's own comes in larger pages.
    if (real_size > size) {
        charge = account().charge(wanted.place, real_size);
        if (!charge) return tl::unexpected(charge.error());
    }
    return objects().add_unclaimed(
        wanted.blob_id, BufferObject{std::move(owner), std::max(size, real_size), wanted.cache,
                                     *std::move(charge)});
}

Status I915Context::gem_create(Request& request) {
    const auto wanted = request.as<w::GemCreateRequest>();
    return make_buffer({.size = wanted.size, .blob_id = wanted.blob_id},
                       [&](GemHandle& handle, uint64_t& size) {
                           drm_i915_gem_create args{};
                           args.size = wanted.size;
                           const int error = device().ioctl(DRM_IOCTL_I915_GEM_CREATE, &args);
                           handle = GemHandle(args.handle);
                           size = args.size;
                           return error;
                       });
}

Status I915Context::gem_create_ext(Request& request) {
    const auto wanted = request.as<w::GemCreateExtRequest>();
    std::span<const std::byte> packed;
    if (uint64_t{request.size()} != sizeof(wanted) + uint64_t{wanted.ext_size} ||
        !request.payload(sizeof(wanted), wanted.ext_size, &packed))
        return fail(EINVAL, "{} bytes of extensions do not match a request of {} bytes",
                    wanted.ext_size, request.size());
    CreateExtensions extensions;
    if (Status status = extensions.parse(packed); !status) return status;
    const NewBuffer buffer{.size = wanted.size,
                           .blob_id = wanted.blob_id,
                           .cache = extensions.cache(),
                           .place = extensions.place()};
    return make_buffer(buffer, [&](GemHandle& handle, uint64_t& size) {
        drm_i915_gem_create_ext args{};
        args.size = wanted.size;
        args.flags = wanted.gem_flags;
        args.extensions = extensions.chain();
        const int error = device().ioctl(DRM_IOCTL_I915_GEM_CREATE_EXT, &args);
        handle = GemHandle(args.handle);
        size = args.size;
        return error;
    });
}

/// How the guest will map a buffer. That was decided when the blob was made, and guest kernels map
/// blobs as they were created, so this changes nothing.
Status I915Context::gem_set_mmap_mode(Request& request) {
    constexpr uint32_t kFixed = 4;  // I915_MMAP_OFFSET_FIXED, the last of them
    const auto wanted = request.as<w::GemSetMmapModeRequest>();
    if (wanted.flags > kFixed) return fail(EINVAL, "unknown mapping mode {}", wanted.flags);
    return {};
}

/// The kernel's record is from before modifiers: drivers make it of layouts that it has a name for,
/// and leave it as it was for all others, rows included.
ImageLayout I915Context::layout_of(GemHandle gem_handle) {
    drm_i915_gem_get_tiling args{};
    args.handle = gem_handle.value();
    if (device().ioctl(DRM_IOCTL_I915_GEM_GET_TILING, &args) < 0) return {};
    ImageLayout layout;
    if (args.tiling_mode == I915_TILING_X) layout.modifier = I915_FORMAT_MOD_X_TILED;
    if (args.tiling_mode == I915_TILING_Y) layout.modifier = I915_FORMAT_MOD_Y_TILED;
    return layout;
}

Status I915Context::gem_busy(Request& request) {
    const auto wanted = request.as<w::GemBusyRequest>();
    const auto handle = handle_of(ResourceId(wanted.res_id));
    if (!handle) return tl::unexpected(handle.error());
    drm_i915_gem_busy args{};
    args.handle = handle->value();
    if (const int error = device().ioctl(DRM_IOCTL_I915_GEM_BUSY, &args); error < 0)
        return fail(-error, "resource {} (errno {})", wanted.res_id, -error);
    request.respond(w::GemBusyResponse{{}, 0, 0, static_cast<int32_t>(args.busy)});
    return {};
}

}  // namespace viaduct::i915
