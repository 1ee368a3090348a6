// The DRM core's ioctls (Linux: drm_ioctl.c, drm_gem.c, drm_prime.c), syncobjs apart.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "simgpu/amd/kernel/drm_file.h"
#include "simgpu/amd/kernel/kernel.h"
#include "simgpu/sync/drm_uapi.h"

namespace simgpu::amdgpu::core {

namespace {

constexpr int kMajor = 3;

/// drm_copy_field(): as much as fits, and always the whole length.
template <typename Length>
void copy_field(char* to, Length* length, std::string_view text) {
    if (to) std::memcpy(to, text.data(), std::min<size_t>(*length, text.size()));
    *length = static_cast<Length>(text.size());
}

struct Cap {
    uint64_t cap;
    uint64_t value;
};
// amdgpu is a DRIVER_MODESET driver, so its render nodes answer the display's caps too (Linux:
// drm_ioctl.c drm_getcap(), amdgpu_dm.c amdgpu_dm_mode_config_init()). No plane of it takes
// page_flip_target with DC, and DCN 2.1's and DCE 12's cursors are 256 and 128 wide.
constexpr uint64_t kAtomicAsyncPageFlip = 0x15;  // DRM_CAP_ATOMIC_ASYNC_PAGE_FLIP, Linux 6.8
constexpr uint64_t kPreferredDepth = 24;
constexpr std::array kCaps = {
    Cap{DRM_CAP_DUMB_BUFFER, 1},
    Cap{DRM_CAP_VBLANK_HIGH_CRTC, 1},
    Cap{DRM_CAP_DUMB_PREFERRED_DEPTH, kPreferredDepth},
    Cap{DRM_CAP_DUMB_PREFER_SHADOW, 1},
    Cap{DRM_CAP_PRIME, DRM_PRIME_CAP_IMPORT | DRM_PRIME_CAP_EXPORT},
    Cap{DRM_CAP_TIMESTAMP_MONOTONIC, 1},
    Cap{DRM_CAP_ASYNC_PAGE_FLIP, 1},
    Cap{DRM_CAP_ADDFB2_MODIFIERS, 1},
    Cap{DRM_CAP_PAGE_FLIP_TARGET, 0},
    Cap{DRM_CAP_CRTC_IN_VBLANK_EVENT, 1},
    Cap{DRM_CAP_SYNCOBJ, 1},
    Cap{DRM_CAP_SYNCOBJ_TIMELINE, 1},
    Cap{kAtomicAsyncPageFlip, 1},
};

}  // namespace

int version(DrmFile&, void* argument) {
    auto& args = *static_cast<drm_version*>(argument);
    args.version_major = kMajor;
    args.version_minor = kms_minor();
    args.version_patchlevel = 0;
    copy_field(args.name, &args.name_len, kDriverName);
    copy_field(args.date, &args.date_len, "20150101");
    copy_field(args.desc, &args.desc_len, "AMD GPU");
    return 0;
}

int get_unique(DrmFile&, void* argument) {
    // Only the DRM master gives a file a name.
    static_cast<drm_unique*>(argument)->unique_len = 0;
    return 0;
}

int get_client(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_client*>(argument);
    if (args.idx != 0) return -EINVAL;
    args.auth = 1;
    args.pid = static_cast<unsigned long>(::getpid());
    args.uid = ::getuid();
    args.magic = static_cast<unsigned long>(file.client_id());
    args.iocs = 0;
    return 0;
}

int get_cap(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_get_cap*>(argument);
    const uint64_t cap = args.capability;
    args.value = 0;
    if (cap == DRM_CAP_CURSOR_WIDTH || cap == DRM_CAP_CURSOR_HEIGHT) {
        args.value = file.model().cursor_size;
        return 0;
    }
    const auto found = std::ranges::find(kCaps, cap, &Cap::cap);
    if (found == kCaps.end()) return -EINVAL;
    args.value = found->value;
    return 0;
}

int set_client_cap(DrmFile&, void*) {
    return -EOPNOTSUPP;
}

int set_client_name(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const drm::SetClientNameArgs*>(argument);
    constexpr uint64_t kLongest = 64;  // DRM_CLIENT_NAME_MAX_LEN
    if (args.name_len == 0) {
        file.set_client_name("");
        return 0;
    }
    if (args.name_len > kLongest) return -EINVAL;
    if (args.name == 0) return -EFAULT;
    const std::string name(reinterpret_cast<const char*>(args.name), args.name_len);
    const bool graphic = std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f; });
    if (!graphic) return -EINVAL;
    file.set_client_name(name);
    return 0;
}

int gem_close(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const drm_gem_close*>(argument);
    const BufferPtr buffer = file.buffers().take(args.handle);
    if (!buffer) return -EINVAL;
    // amdgpu_gem_object_close(): the last handle takes the file's mappings along.
    const ReservationLock lock({file.own_reservation().get(), &buffer->reservation()});
    file.address_space().remove_buffer(buffer);
    return 0;
}

int prime_handle_to_fd(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_prime_handle*>(argument);
    if (args.flags & ~uint32_t{DRM_CLOEXEC | DRM_RDWR}) return -EINVAL;
    const BufferPtr buffer = file.buffers().find(args.handle);
    if (!buffer) return -ENOENT;
    // amdgpu_gem_prime_export().
    if (buffer->is_user_memory() ||
        (record_of(*buffer).create_flags & AMDGPU_GEM_CREATE_VM_ALWAYS_VALID))
        return -EPERM;
    viaduct::UniqueFd copy = buffer->export_fd();
    if (!copy) return -EMFILE;
    if (!(args.flags & DRM_CLOEXEC)) ::fcntl(copy.get(), F_SETFD, 0);
    args.fd = copy.release();
    return 0;
}

int prime_fd_to_handle(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_prime_handle*>(argument);
    const auto buffer = Buffer::import(file.shared_device(), args.fd, foreign_record());
    if (!buffer) return buffer.error();
    bool fresh = false;
    const uint32_t handle = file.buffers().add(*buffer, &fresh);
    // amdgpu_gem_object_open() of a new handle.
    if (fresh) const ReservationLock lock({&(*buffer)->reservation()});
    args.handle = handle;
    return 0;
}

int refuse_without_master(DrmFile&, void*) {
    return -EACCES;
}

}  // namespace simgpu::amdgpu::core
