// Interposed: what duplicates and closes descriptors.
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdarg.h>
#include <unistd.h>

#include <climits>

#include "simgpu/node/next.h"
#include "simgpu/node/shell.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace simgpu::node {

namespace {

// Is `fd` ours to keep track of? After vfork() the table is still the parent's.
bool tracked(int fd) {
    return open_files().may_hold(fd) && open_files().is_this_process();
}

// `copy` came of duplicating `fd`: it stands for the same file, or no longer for one of ours.
int duplicated(int fd, int copy) {
    if (copy < 0 || copy == fd) return copy;
    if (!tracked(fd) && !tracked(copy)) return copy;
    const OpenFilePtr file = open_files().find(fd);
    const OpenFilePtr replaced = file ? open_files().insert(copy, file) : open_files().remove(copy);
    return copy;
}

// Most commands of fcntl take an int or a pointer: passed on as the wider.
int fcntl_with(next::Fcntl* next, int fd, int command, void* argument) {
    const int result = next(fd, command, argument);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? duplicated(fd, result) : result;
}

void forget_range(unsigned first, unsigned last) {
    if (open_files().is_this_process()) [[maybe_unused]]
        const auto closed = open_files().remove_range(first, last);
}

}  // namespace

EXPORT int close(int fd) {
    // Forgotten first: once it is closed the number may be another thread's. The file itself goes
    // after that, with `closing`.
    const OpenFilePtr closing = tracked(fd) ? open_files().remove(fd) : nullptr;
    return next::close(fd);
}

EXPORT int close_range(unsigned first, unsigned last, int flags) noexcept {
    if ((flags & static_cast<int>(CLOSE_RANGE_CLOEXEC)) == 0) forget_range(first, last);
    return next::close_range(first, last, flags);
}

EXPORT void closefrom(int first) noexcept {
    forget_range(first < 0 ? 0 : static_cast<unsigned>(first), UINT_MAX);
    next::closefrom(first);
}

EXPORT int dup(int fd) noexcept {
    return duplicated(fd, next::dup(fd));
}
EXPORT int dup2(int fd, int copy) noexcept {
    return duplicated(fd, next::dup2(fd, copy));
}
EXPORT int dup3(int fd, int copy, int flags) noexcept {
    return duplicated(fd, next::dup3(fd, copy, flags));
}

EXPORT int fcntl(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void* argument = va_arg(arguments, void*);
    va_end(arguments);
    return fcntl_with(next::fcntl, fd, command, argument);
}

EXPORT int fcntl64(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void* argument = va_arg(arguments, void*);
    va_end(arguments);
    return fcntl_with(next::fcntl64, fd, command, argument);
}

}  // namespace simgpu::node
