// Interposed: stat(2) and its variants. A node's FIFO shows as a character device.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <cstring>

#include "simgpu/node/dma_buf.h"
#include "simgpu/node/next.h"
#include "simgpu/node/shell.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace simgpu::node {

namespace {

// As udev makes them: render nodes are everybody's, primary nodes the video group's.
mode_t device_mode(NodeId node) {
    return S_IFCHR | (node.type == NodeType::kRender ? 0666 : 0660);
}

// A node that is known by its descriptor, for drivers that bring one of their own.
std::optional<NodeId> node_of_fd(int fd) {
    const OpenFilePtr file = open_files().find(fd);
    return file ? std::optional(NodeId::from_number(file->node())) : std::nullopt;
}

// `fd`: the descriptor asked about, -1 if it was a path.
template <typename Status>
int patched(int result, Status* st, int fd = -1) {
    if (result != 0 || st == nullptr) return result;
    auto node = node_of(st->st_mode, st->st_dev, st->st_ino);
    if (!node && fd >= 0) node = node_of_fd(fd);
    if (!node) return result;
    st->st_mode = device_mode(*node);
    st->st_rdev = Shell::wake()->device_number(*node);
    return result;
}

// A buffer shows as in the kernel's file system of dma-bufs.
template <typename FileSystem>
int patched_fs(int result, FileSystem* file_system, int fd) {
    if (result == 0 && file_system != nullptr && is_dma_buf(fd))
        file_system->f_type = DMA_BUF_MAGIC;
    return result;
}

// AT_EMPTY_PATH: `fd` itself is meant.
int subject(int fd, const char* path) {
    return path == nullptr || *path == '\0' ? fd : -1;
}

template <typename Status>
int stat_path(next::StatOf<Status>* next, const char* path, Status* st) {
    return patched(next(PathArgument(path).get(), st), st);
}

template <typename Status>
int stat_at(next::FstatAtOf<Status>* next, int fd, const char* path, Status* st, int flags) {
    return patched(next(fd, PathArgument(path).get(), st, flags), st, subject(fd, path));
}

template <typename Status>
int xstat_path(next::XstatOf<Status>* next, int version, const char* path, Status* st) {
    return patched(next(version, PathArgument(path).get(), st), st);
}

template <typename Status>
int xstat_at(next::FxstatAtOf<Status>* next, int version, int fd, const char* path, Status* st,
             int flags) {
    return patched(next(version, fd, PathArgument(path).get(), st, flags), st, subject(fd, path));
}

void patch_statx(int fd, const char* path, struct statx* stx) {
    struct stat64 st = {};
    st.st_mode = stx->stx_mode;
    st.st_dev = ::makedev(stx->stx_dev_major, stx->stx_dev_minor);
    st.st_ino = stx->stx_ino;
    if (patched(0, &st, subject(fd, path)) != 0 || st.st_mode == stx->stx_mode) return;
    stx->stx_mode = static_cast<decltype(stx->stx_mode)>(st.st_mode);
    stx->stx_rdev_major = major(st.st_rdev);
    stx->stx_rdev_minor = minor(st.st_rdev);
}

}  // namespace

EXPORT int stat(const char* path, struct stat* st) {
    return stat_path<struct stat>(next::stat, path, st);
}
EXPORT int stat64(const char* path, struct stat64* st) {
    return stat_path<struct stat64>(next::stat64, path, st);
}
EXPORT int lstat(const char* path, struct stat* st) {
    return stat_path<struct stat>(next::lstat, path, st);
}
EXPORT int lstat64(const char* path, struct stat64* st) {
    return stat_path<struct stat64>(next::lstat64, path, st);
}
EXPORT int fstat(int fd, struct stat* st) {
    return patched(next::fstat(fd, st), st, fd);
}
EXPORT int fstat64(int fd, struct stat64* st) {
    return patched(next::fstat64(fd, st), st, fd);
}
EXPORT int fstatfs(int fd, struct statfs* file_system) {
    return patched_fs(next::fstatfs(fd, file_system), file_system, fd);
}
EXPORT int fstatfs64(int fd, struct statfs64* file_system) {
    return patched_fs(next::fstatfs64(fd, file_system), file_system, fd);
}
EXPORT int fstatat(int fd, const char* path, struct stat* st, int flags) {
    return stat_at<struct stat>(next::fstatat, fd, path, st, flags);
}
EXPORT int fstatat64(int fd, const char* path, struct stat64* st, int flags) {
    return stat_at<struct stat64>(next::fstatat64, fd, path, st, flags);
}

EXPORT int statx(int fd, const char* path, int flags, unsigned mask, struct statx* stx) {
    const int result = next::statx(fd, PathArgument(path).get(), flags, mask, stx);
    if (result == 0) patch_statx(fd, path, stx);
    return result;
}

// Called by programs built against glibc before 2.33.
EXPORT int __xstat(int version, const char* path, struct stat* st) {
    return xstat_path<struct stat>(next::xstat, version, path, st);
}
EXPORT int __xstat64(int version, const char* path, struct stat64* st) {
    return xstat_path<struct stat64>(next::xstat64, version, path, st);
}
EXPORT int __lxstat(int version, const char* path, struct stat* st) {
    return xstat_path<struct stat>(next::lxstat, version, path, st);
}
EXPORT int __lxstat64(int version, const char* path, struct stat64* st) {
    return xstat_path<struct stat64>(next::lxstat64, version, path, st);
}
EXPORT int __fxstat(int version, int fd, struct stat* st) {
    return patched(next::fxstat(version, fd, st), st, fd);
}
EXPORT int __fxstat64(int version, int fd, struct stat64* st) {
    return patched(next::fxstat64(version, fd, st), st, fd);
}
EXPORT int __fxstatat(int version, int fd, const char* path, struct stat* st, int flags) {
    return xstat_at<struct stat>(next::fxstatat, version, fd, path, st, flags);
}
EXPORT int __fxstatat64(int version, int fd, const char* path, struct stat64* st, int flags) {
    return xstat_at<struct stat64>(next::fxstatat64, version, fd, path, st, flags);
}

}  // namespace simgpu::node
