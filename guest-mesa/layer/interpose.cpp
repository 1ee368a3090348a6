// The symbols that stand before libc's: everything that talks to a descriptor or makes another of
// it.
//
// mmap() is not among them, and open() only for two files of sysfs (device_sysfs.cpp). A node is
// recognised at its first ioctl (registry.h), and the offsets that GEM_MMAP returns are the node's
// own.

// fcntl and fcntl64 are two symbols; with 64-bit offsets asked for, the headers make them one.
#undef _FILE_OFFSET_BITS

#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <string_view>

#include "guest-mesa/layer/layer.h"
#include "guest-mesa/layer/next_libc.h"
#include "guest-mesa/layer/registry.h"
#include "guest-mesa/layer/system_descriptors.h"

namespace viaduct::guest {

bool layer_enabled() {
    static const bool enabled = [] {
        const char* value = std::getenv("VIADUCT_GUEST");
        return !value || std::string_view(value) != "off";
    }();
    return enabled;
}

namespace {

/// Never destroyed: descriptors are closed until the very end of the process.
Registry& registry() {
    static Registry* const instance = [] {
        auto* made = new Registry(next_kernel(), system_descriptors());
        ::pthread_atfork([] { registry().before_fork(); },
                         [] { registry().after_fork_in_parent(); },
                         [] { registry().after_fork_in_child(); });
        return made;
    }();
    return *instance;
}

/// Turns a kernel's answer into libc's. errno is left alone on success, as libc does.
int to_libc(int result, int old_errno) {
    errno = result < 0 ? -result : old_errno;
    return result < 0 ? -1 : result;
}

int copied(int original, int copy) {
    if (copy >= 0 && layer_enabled()) registry().copied(original, copy);
    return copy;
}

void forget(int fd) {
    if (layer_enabled()) registry().forget(fd);
}

int call_ioctl(int (*next)(int, unsigned long, ...), int fd, unsigned long request,
               void* argument) {
    if (_IOC_TYPE(request) != 'd' || !layer_enabled()) return next(fd, request, argument);
    const int old_errno = errno;
    return to_libc(registry().ioctl(fd, request, argument), old_errno);
}

/// fcntl's argument, which is an int or a pointer depending on the command: a long holds both.
int call_fcntl(int (*next)(int, int, ...), int fd, int command, long argument) {
    const int result = next(fd, command, argument);
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) return copied(fd, result);
    return result;
}

}  // namespace

}  // namespace viaduct::guest

using viaduct::guest::next_libc;

#define VIADUCT_EXPORT extern "C" __attribute__((visibility("default")))

VIADUCT_EXPORT int ioctl(int fd, unsigned long request, ...) {
    va_list arguments;
    va_start(arguments, request);
    void* argument = va_arg(arguments, void*);
    va_end(arguments);
    return viaduct::guest::call_ioctl(next_libc().ioctl, fd, request, argument);
}

VIADUCT_EXPORT int close(int fd) {
    viaduct::guest::forget(fd);
    return next_libc().close(fd);
}

VIADUCT_EXPORT int close_range(unsigned first, unsigned last, int flags) {
    // With CLOSE_RANGE_CLOEXEC nothing is closed yet.
    constexpr int kCloexec = 4;
    if (!(flags & kCloexec) && viaduct::guest::layer_enabled())
        viaduct::guest::registry().forget_range(first, last);
    if (next_libc().close_range) return next_libc().close_range(first, last, flags);
    return static_cast<int>(::syscall(SYS_close_range, first, last, flags));
}

VIADUCT_EXPORT void closefrom(int first) {
    const unsigned lowest = first < 0 ? 0 : static_cast<unsigned>(first);
    if (viaduct::guest::layer_enabled()) viaduct::guest::registry().forget_range(lowest, ~0u);
    if (next_libc().closefrom) next_libc().closefrom(first);
}

VIADUCT_EXPORT int dup(int fd) noexcept {
    return viaduct::guest::copied(fd, next_libc().dup(fd));
}

VIADUCT_EXPORT int dup2(int fd, int target) noexcept {
    if (fd != target) viaduct::guest::forget(target);
    return viaduct::guest::copied(fd, next_libc().dup2(fd, target));
}

VIADUCT_EXPORT int dup3(int fd, int target, int flags) noexcept {
    if (fd != target) viaduct::guest::forget(target);
    return viaduct::guest::copied(fd, next_libc().dup3(fd, target, flags));
}

VIADUCT_EXPORT int fcntl(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    const long argument = va_arg(arguments, long);
    va_end(arguments);
    return viaduct::guest::call_fcntl(next_libc().fcntl, fd, command, argument);
}

VIADUCT_EXPORT int fcntl64(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    const long argument = va_arg(arguments, long);
    va_end(arguments);
    const auto next = next_libc().fcntl64 ? next_libc().fcntl64 : next_libc().fcntl;
    return viaduct::guest::call_fcntl(next, fd, command, argument);
}

// The names that a 32-bit program's calls have if it was built with 64-bit times (_TIME_BITS=64).
#if __TIMESIZE == 32

VIADUCT_EXPORT int __ioctl_time64(int fd, unsigned long request, ...) {
    va_list arguments;
    va_start(arguments, request);
    void* argument = va_arg(arguments, void*);
    va_end(arguments);
    return viaduct::guest::call_ioctl(next_libc().ioctl_time64, fd, request, argument);
}

VIADUCT_EXPORT int __fcntl_time64(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    const long argument = va_arg(arguments, long);
    va_end(arguments);
    return viaduct::guest::call_fcntl(next_libc().fcntl_time64, fd, command, argument);
}

#endif
