// Interposed: open(2), fopen(3) and their variants.
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include <cerrno>

#include "simgpu/node/next.h"
#include "simgpu/node/proc_self.h"
#include "simgpu/node/shell.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace simgpu::node {

namespace {

int open_fdinfo_of(int fd) {
    const OpenFilePtr file = open_files().find(fd);
    if (file) return open_fdinfo(fd, *file);
    errno = ENOENT;
    return -1;
}

// `pass(path)`: the call that the program made, with this path.
template <typename Pass>
int open_with(int directory, const char* path, int flags, Pass pass) {
    const OpenTarget target = find_open_target(directory, path);
    switch (target.kind) {
        case OpenTarget::Kind::kElsewhere:
            break;
        case OpenTarget::Kind::kTree:
            return pass(target.path.c_str());
        case OpenTarget::Kind::kNode:
            return Shell::wake()->open_node(target.node, flags);
        case OpenTarget::Kind::kFdinfo:
            return open_fdinfo_of(target.fd);
    }
    return pass(path);
}

template <typename Pass>
FILE* fopen_with(const char* path, const char* mode, Pass pass) {
    const OpenTarget target = find_open_target(AT_FDCWD, path);
    switch (target.kind) {
        case OpenTarget::Kind::kElsewhere:
            break;
        case OpenTarget::Kind::kTree:
            return pass(target.path.c_str());
        case OpenTarget::Kind::kNode:
            errno = EINVAL;  // a stream of a DRM node has no use
            return nullptr;
        case OpenTarget::Kind::kFdinfo: {
            const int fd = open_fdinfo_of(target.fd);
            return fd < 0 ? nullptr : ::fdopen(fd, mode);
        }
    }
    return pass(path);
}

// The mode argument is there only if the flags say so (open(2)).
bool takes_mode(int flags) {
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

mode_t mode_argument(int flags, va_list arguments) {
    return takes_mode(flags) ? va_arg(arguments, mode_t) : 0;
}

int open_path(next::Open* next, const char* path, int flags, mode_t mode) {
    return open_with(AT_FDCWD, path, flags,
                     [=](const char* real) { return next(real, flags, mode); });
}

int open_at(next::OpenAt* next, int directory, const char* path, int flags, mode_t mode) {
    return open_with(directory, path, flags,
                     [=](const char* real) { return next(directory, real, flags, mode); });
}

constexpr int kCreat = O_CREAT | O_WRONLY | O_TRUNC;

}  // namespace

EXPORT int open(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return open_path(next::open, path, flags, mode);
}

EXPORT int open64(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return open_path(next::open64, path, flags, mode);
}

EXPORT int openat(int directory, const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return open_at(next::openat, directory, path, flags, mode);
}

EXPORT int openat64(int directory, const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return open_at(next::openat64, directory, path, flags, mode);
}

// Called by _FORTIFY_SOURCE when the flags are not a constant: same, without a mode.
EXPORT int __open_2(const char* path, int flags) {
    return open_path(next::open, path, flags, 0);
}
EXPORT int __open64_2(const char* path, int flags) {
    return open_path(next::open64, path, flags, 0);
}
EXPORT int __openat_2(int directory, const char* path, int flags) {
    return open_at(next::openat, directory, path, flags, 0);
}
EXPORT int __openat64_2(int directory, const char* path, int flags) {
    return open_at(next::openat64, directory, path, flags, 0);
}

EXPORT int creat(const char* path, mode_t mode) {
    return open_path(next::open, path, kCreat, mode);
}
EXPORT int creat64(const char* path, mode_t mode) {
    return open_path(next::open64, path, kCreat, mode);
}

EXPORT FILE* fopen(const char* path, const char* mode) {
    return fopen_with(path, mode, [=](const char* real) { return next::fopen(real, mode); });
}
EXPORT FILE* fopen64(const char* path, const char* mode) {
    return fopen_with(path, mode, [=](const char* real) { return next::fopen64(real, mode); });
}

}  // namespace simgpu::node
