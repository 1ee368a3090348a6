// Interposed: what else takes a path: access, readlink, realpath, attributes, directories.
#include <dirent.h>
#include <limits.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "simgpu/node/next.h"
#include "simgpu/node/proc_self.h"
#include "simgpu/node/shell.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

extern "C" [[noreturn]] void __chk_fail();  // glibc: reports a buffer overflow and aborts

namespace simgpu::node {

namespace {

// Of /proc/self/fd/N the link leads to our copy, or to what a driver put in a node's place.
std::optional<std::string> own_descriptor_link(const char* path) {
    const Shell* shell = Shell::awake();
    if (shell == nullptr || path == nullptr) return std::nullopt;
    const auto parsed = parse_proc_self(path);
    if (!parsed || parsed->kind != ProcSelfPath::Kind::kFd) return std::nullopt;
    if (const OpenFilePtr file = open_files().find(parsed->fd))
        return shell->node_path(NodeId::from_number(file->node()));
    char link[PATH_MAX];
    const ssize_t length = next::readlink(path, link, sizeof link);
    if (length < 0) return std::nullopt;
    const std::string_view full(link, static_cast<size_t>(length));
    const std::string_view shown = shell->without_root(full);
    return shown.size() < full.size() ? std::optional<std::string>(shown) : std::nullopt;
}

// `pass(path)`: the readlink call that the program made.
template <typename Pass>
ssize_t readlink_with(const char* path, char* buffer, size_t size, Pass pass) {
    const auto own = own_descriptor_link(path);
    if (!own) return pass(PathArgument(path).get());
    const size_t length = std::min(own->size(), size);
    std::memcpy(buffer, own->data(), length);
    return static_cast<ssize_t>(length);
}

// realpath(3) of our copy leads to our copy: names it as the program knows it.
char* shown(char* resolved) {
    const Shell* shell = Shell::awake();
    if (resolved == nullptr || shell == nullptr) return resolved;
    const std::string_view full(resolved);
    const std::string_view short_form = shell->without_root(full);
    if (short_form.size() < full.size()) {
        std::memmove(resolved, short_form.data(), short_form.size());
        resolved[short_form.size()] = '\0';
    }
    return resolved;
}

char* resolve(const char* path, char* resolved) {
    return shown(next::realpath(PathArgument(path).get(), resolved));
}

}  // namespace

EXPORT int access(const char* path, int mode) {
    return next::access(PathArgument(path).get(), mode);
}
EXPORT int eaccess(const char* path, int mode) {
    return next::eaccess(PathArgument(path).get(), mode);
}
EXPORT int euidaccess(const char* path, int mode) {
    return next::euidaccess(PathArgument(path).get(), mode);
}
EXPORT int faccessat(int fd, const char* path, int mode, int flags) {
    return next::faccessat(fd, PathArgument(path).get(), mode, flags);
}

EXPORT ssize_t readlink(const char* path, char* buffer, size_t size) {
    return readlink_with(path, buffer, size,
                         [=](const char* real) { return next::readlink(real, buffer, size); });
}
EXPORT ssize_t readlinkat(int fd, const char* path, char* buffer, size_t size) {
    return readlink_with(path, buffer, size, [=](const char* real) {
        return next::readlinkat(fd, real, buffer, size);
    });
}
EXPORT ssize_t __readlink_chk(const char* path, char* buffer, size_t size, size_t room) {
    if (size > room) __chk_fail();
    return readlink(path, buffer, size);
}
EXPORT ssize_t __readlinkat_chk(int fd, const char* path, char* buffer, size_t size, size_t room) {
    if (size > room) __chk_fail();
    return readlinkat(fd, path, buffer, size);
}

EXPORT char* realpath(const char* path, char* resolved) {
    return resolve(path, resolved);
}
EXPORT char* __realpath_chk(const char* path, char* resolved, size_t room) {
    if (resolved != nullptr && room < PATH_MAX) __chk_fail();
    return resolve(path, resolved);
}
EXPORT char* canonicalize_file_name(const char* path) {
    return resolve(path, nullptr);
}

// `ls -l` asks for security labels.
EXPORT ssize_t getxattr(const char* path, const char* name, void* value, size_t size) noexcept {
    return next::getxattr(PathArgument(path).get(), name, value, size);
}
EXPORT ssize_t lgetxattr(const char* path, const char* name, void* value, size_t size) noexcept {
    return next::lgetxattr(PathArgument(path).get(), name, value, size);
}
EXPORT ssize_t listxattr(const char* path, char* list, size_t size) noexcept {
    return next::listxattr(PathArgument(path).get(), list, size);
}
EXPORT ssize_t llistxattr(const char* path, char* list, size_t size) noexcept {
    return next::llistxattr(PathArgument(path).get(), list, size);
}

EXPORT DIR* opendir(const char* path) {
    return next::opendir(PathArgument(path).get());
}
EXPORT int scandir(const char* path, dirent*** names, next::ScandirFilter filter,
                   next::ScandirCompare compare) {
    return next::scandir(PathArgument(path).get(), names, filter, compare);
}
EXPORT int scandir64(const char* path, dirent64*** names, next::ScandirFilter64 filter,
                     next::ScandirCompare64 compare) {
    return next::scandir64(PathArgument(path).get(), names, filter, compare);
}

}  // namespace simgpu::node
