// Interposed: what duplicates and closes descriptors.
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdarg.h>
#include <unistd.h>

#include <climits>
#include <vector>

#include "simgpu/node/next.h"
#include "simgpu/node/shell.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace simgpu::node {

namespace {

// Is `fd` ours to keep track of? After vfork() the table is still the parent's.
bool tracked(int fd) {
    return open_files().may_hold(fd) && open_files().is_this_process();
}

// filp_close(): the file waits for its device each time, whoever else holds a descriptor of it.
void flush_closed(const OpenFilePtr& file) {
    const KeepErrno keep;
    if (file) file->flush(Flush::kClose);
}

// `copy` came of duplicating `fd`: it stands for the same file, or no longer for a node.
int duplicated(int fd, int copy) {
    if (copy < 0 || copy == fd) return copy;
    if (!tracked(fd) && !tracked(copy)) return copy;
    const OpenFilePtr file = open_files().find(fd);
    flush_closed(file ? open_files().insert(copy, file) : open_files().remove(copy));
    return copy;
}

// Most commands of fcntl take an int or a pointer: passed on as the wider.
int fcntl_with(next::Fcntl* next, int fd, int command, void* argument) {
    const int result = next(fd, command, argument);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? duplicated(fd, result) : result;
}

// Returns those that are to be flushed once they are closed.
std::vector<OpenFilePtr> forget_range(unsigned first, unsigned last) {
    if (!open_files().is_this_process()) return {};
    return open_files().remove_range(first, last);
}

// exit_files(): what is still open when the process exits is closed then. After the program's own
// exit handlers, and while its threads still run.
__attribute__((destructor)) void flush_at_exit() {
    if (!open_files().is_this_process()) return;
    for (const OpenFilePtr& file : open_files().all()) file->flush(Flush::kExit);
}

}  // namespace

EXPORT int close(int fd) {
    // Forgotten first: once it is closed the number may be another thread's. The file itself goes
    // after that, with `closing`.
    const OpenFilePtr closing = tracked(fd) ? open_files().remove(fd) : nullptr;
    const int result = next::close(fd);
    flush_closed(closing);
    return result;
}

EXPORT int close_range(unsigned first, unsigned last, int flags) noexcept {
    const bool closes = (flags & static_cast<int>(CLOSE_RANGE_CLOEXEC)) == 0;
    const auto closing = closes ? forget_range(first, last) : std::vector<OpenFilePtr>{};
    const int result = next::close_range(first, last, flags);
    for (const OpenFilePtr& file : closing) flush_closed(file);
    return result;
}

EXPORT void closefrom(int first) noexcept {
    const auto closing = forget_range(first < 0 ? 0 : static_cast<unsigned>(first), UINT_MAX);
    next::closefrom(first);
    for (const OpenFilePtr& file : closing) flush_closed(file);
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
