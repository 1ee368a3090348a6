// The other way to a device's PCI identity: Mesa's loader reads it from sysfs, and only when that
// fails asks libdrm. There the virtio device stands between the node and PCI, with the files
//
//     /sys/dev/char/226:128/device/vendor    0x1af4
//     /sys/dev/char/226:128/device/device    0x0010
//
// so that the loader takes the virgl driver. For a native context these two read as the host's GPU.

// open and open64 are two symbols; with 64-bit offsets asked for, the headers make them one.
#undef _FILE_OFFSET_BITS

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "guest-mesa/layer/layer.h"
#include "guest-mesa/layer/native_identity.h"
#include "guest-mesa/layer/next_libc.h"

namespace viaduct::guest {

namespace {

constexpr char kPrefix[] = "/sys/dev/char/226:";  // 226: DRM_MAJOR of the kernel
constexpr unsigned kFirstRenderMinor = 128;       // of the kernel's drm_minor_alloc()

/// The identity's number that the file behind `path` shows, if it is one of the two.
std::optional<uint16_t> shown_number(const char* path) {
    if (std::strncmp(path, kPrefix, sizeof(kPrefix) - 1) != 0) return std::nullopt;
    unsigned minor = 0;
    int end = 0;
    if (std::sscanf(path + sizeof(kPrefix) - 1, "%u/device/%n", &minor, &end) != 1 || end == 0)
        return std::nullopt;
    const std::string_view name = path + sizeof(kPrefix) - 1 + end;
    if (name != "vendor" && name != "device") return std::nullopt;
    // Programs that drive a display come with the device's primary node instead.
    const std::string node =
        (minor < kFirstRenderMinor ? "/dev/dri/card" : "/dev/dri/renderD") + std::to_string(minor);
    const auto identity = native_identity(node.c_str());
    if (!identity) return std::nullopt;
    return name == "vendor" ? identity->vendor : identity->device;
}

/// A file with the number's text in place of the one at `path`; nothing for all other paths.
UniqueFd open_shown(const char* path, int flags) {
    const int old_errno = errno;
    UniqueFd file;
    if (layer_enabled() && path && (flags & O_ACCMODE) == O_RDONLY) {
        if (const auto number = shown_number(path)) {
            file = UniqueFd(
                ::memfd_create("viaduct-sysfs", (flags & O_CLOEXEC) != 0 ? MFD_CLOEXEC : 0));
            if (file && (::dprintf(file.get(), "0x%04x\n", *number) < 0 ||
                         ::lseek(file.get(), 0, SEEK_SET) != 0))
                file.reset();
        }
    }
    errno = old_errno;
    return file;
}

int call_open(int (*next)(const char*, int, ...), const char* path, int flags, mode_t mode) {
    if (UniqueFd file = open_shown(path, flags); file) return file.release();
    return next(path, flags, mode);
}

/// open()'s third argument, which is there only if the flags say that a file may be made.
mode_t mode_argument(int flags, va_list arguments) {
    const bool has_mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    return has_mode ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

}  // namespace viaduct::guest

#define VIADUCT_EXPORT extern "C" __attribute__((visibility("default")))

VIADUCT_EXPORT int open(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = viaduct::guest::mode_argument(flags, arguments);
    va_end(arguments);
    return viaduct::guest::call_open(viaduct::guest::next_libc().open, path, flags, mode);
}

VIADUCT_EXPORT int open64(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = viaduct::guest::mode_argument(flags, arguments);
    va_end(arguments);
    return viaduct::guest::call_open(viaduct::guest::next_libc().open64, path, flags, mode);
}
