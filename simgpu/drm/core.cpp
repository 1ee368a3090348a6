#include "simgpu/drm/core.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "simgpu/memory/reservation_lock.h"
#include "simgpu/sync/drm_uapi.h"

namespace simgpu::drm {

namespace {

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
constexpr std::array kCaps = {
    Cap{DRM_CAP_PRIME, DRM_PRIME_CAP_IMPORT | DRM_PRIME_CAP_EXPORT},
    Cap{DRM_CAP_TIMESTAMP_MONOTONIC, 1},
    Cap{DRM_CAP_SYNCOBJ, 1},
    Cap{DRM_CAP_SYNCOBJ_TIMELINE, 1},
};

int version(OpenFile& file, void* argument) {
    const Driver& driver = file.driver();
    auto& args = *static_cast<drm_version*>(argument);
    args.version_major = driver.major;
    args.version_minor = driver.minor();
    args.version_patchlevel = 0;
    copy_field(args.name, &args.name_len, driver.name);
    copy_field(args.date, &args.date_len, driver.date);
    copy_field(args.desc, &args.desc_len, driver.description);
    return 0;
}

int get_unique(OpenFile&, void* argument) {
    // Only the DRM master gives a file a name.
    static_cast<drm_unique*>(argument)->unique_len = 0;
    return 0;
}

int get_client(OpenFile& file, void* argument) {
    auto& args = *static_cast<drm_client*>(argument);
    if (args.idx != 0) return -EINVAL;
    args.auth = 1;
    args.pid = static_cast<unsigned long>(::getpid());
    args.uid = ::getuid();
    args.magic = static_cast<unsigned long>(file.client_id());
    args.iocs = 0;
    return 0;
}

int get_cap(OpenFile& file, void* argument) {
    auto& args = *static_cast<drm_get_cap*>(argument);
    const uint64_t cap = args.capability;
    const auto found = std::ranges::find(kCaps, cap, &Cap::cap);
    const auto value = found == kCaps.end() ? file.capability(cap) : found->value;
    args.value = value.value_or(0);
    return value ? 0 : -EINVAL;
}

int set_client_cap(OpenFile&, void*) {
    return -EOPNOTSUPP;
}

int set_client_name(OpenFile& file, void* argument) {
    const auto& args = *static_cast<const SetClientNameArgs*>(argument);
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

int gem_close(OpenFile& file, void* argument) {
    const auto& args = *static_cast<const drm_gem_close*>(argument);
    const BufferPtr buffer = file.buffers().take(args.handle);
    if (!buffer) return -EINVAL;
    file.handle_closed(buffer);
    return 0;
}

int prime_handle_to_fd(OpenFile& file, void* argument) {
    auto& args = *static_cast<drm_prime_handle*>(argument);
    if (args.flags & ~uint32_t{DRM_CLOEXEC | DRM_RDWR}) return -EINVAL;
    const BufferPtr buffer = file.buffers().find(args.handle);
    if (!buffer) return -ENOENT;
    if (const int error = file.may_export(*buffer)) return error;
    viaduct::UniqueFd copy = buffer->export_fd();
    if (!copy) return -EMFILE;
    if (!(args.flags & DRM_CLOEXEC)) ::fcntl(copy.get(), F_SETFD, 0);
    args.fd = copy.release();
    return 0;
}

int prime_fd_to_handle(OpenFile& file, void* argument) {
    auto& args = *static_cast<drm_prime_handle*>(argument);
    const auto buffer = Buffer::import(file.shared_device(), args.fd, file.foreign_record());
    if (!buffer) return buffer.error();
    bool fresh = false;
    const uint32_t handle = file.buffers().add(*buffer, &fresh);
    // drm_gem_object_funcs.open of a new handle, as amdgpu_gem_object_open().
    if (fresh) const memory::ReservationLock lock({&(*buffer)->reservation()});
    args.handle = handle;
    return 0;
}

constexpr unsigned long core_ioctl(unsigned number, size_t size) {
    return _IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE, number, size);
}

constexpr std::array kIoctls = {
    IoctlEntry{DRM_IOCTL_VERSION, "VERSION", version},
    IoctlEntry{DRM_IOCTL_GET_UNIQUE, "GET_UNIQUE", get_unique},
    IoctlEntry{DRM_IOCTL_GET_MAGIC, "GET_MAGIC", refuse_without_master},
    IoctlEntry{DRM_IOCTL_GET_CLIENT, "GET_CLIENT", get_client},
    IoctlEntry{DRM_IOCTL_SET_VERSION, "SET_VERSION", refuse_without_master},
    IoctlEntry{DRM_IOCTL_GEM_CLOSE, "GEM_CLOSE", gem_close},
    IoctlEntry{DRM_IOCTL_GET_CAP, "GET_CAP", get_cap},
    IoctlEntry{DRM_IOCTL_SET_CLIENT_CAP, "SET_CLIENT_CAP", set_client_cap},
    IoctlEntry{DRM_IOCTL_AUTH_MAGIC, "AUTH_MAGIC", refuse_without_master},
    IoctlEntry{DRM_IOCTL_SET_MASTER, "SET_MASTER", refuse_without_master},
    IoctlEntry{DRM_IOCTL_DROP_MASTER, "DROP_MASTER", refuse_without_master},
    IoctlEntry{DRM_IOCTL_PRIME_HANDLE_TO_FD, "PRIME_HANDLE_TO_FD", prime_handle_to_fd},
    IoctlEntry{DRM_IOCTL_PRIME_FD_TO_HANDLE, "PRIME_FD_TO_HANDLE", prime_fd_to_handle},
    IoctlEntry{core_ioctl(nr::kSetClientName, sizeof(SetClientNameArgs)), "SET_CLIENT_NAME",
               set_client_name},
};

}  // namespace

std::span<const IoctlEntry> core_ioctls() {
    return kIoctls;
}

int refuse_without_master(OpenFile&, void*) {
    return -EACCES;
}

}  // namespace simgpu::drm
