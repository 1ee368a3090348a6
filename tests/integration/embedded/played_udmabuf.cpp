// Plays /dev/udmabuf for the program that it is preloaded into, where the machine has none: a
// "dma-buf" is the memfd itself. So its pages are those of the memory it was made from, but only
// the start of a memfd can be handed out; anything else is EINVAL. Nothing has fences.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/udmabuf.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace {

constexpr char kPath[] = "/dev/udmabuf";

int device = -1;

template <typename Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

int open_device() {
    if (device < 0) device = ::memfd_create("played-udmabuf", MFD_CLOEXEC);
    return device;
}

int create(const udmabuf_create_item& item) {
    const int seals = ::fcntl(static_cast<int>(item.memfd), F_GET_SEALS);
    if (item.offset != 0 || item.size % 4096 != 0 || seals < 0 || !(seals & F_SEAL_SHRINK)) {
        errno = EINVAL;
        return -1;
    }
    return ::fcntl(static_cast<int>(item.memfd), F_DUPFD_CLOEXEC, 0);
}

int create_list(const udmabuf_create_list& list) {
    if (list.count == 1) return create(list.list[0]);
    errno = EINVAL;
    return -1;
}

}  // namespace

extern "C" {
#pragma GCC visibility push(default)

int open64(const char* path, int flags, ...) {
    if (std::strcmp(path, kPath) == 0) return open_device();
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return next<int(const char*, int, ...)>("open64")(path, flags, mode);
}

// The same: files are large everywhere.
int open_small(const char* path, int flags, ...) __asm__("open")
    __attribute__((alias("open64"), nonnull(1)));

int ioctl(int fd, unsigned long request, ...) noexcept {
    va_list arguments;
    va_start(arguments, request);
    void* argument = va_arg(arguments, void*);
    va_end(arguments);
    if (fd >= 0 && fd == device && request == UDMABUF_CREATE_LIST)
        return create_list(*static_cast<udmabuf_create_list*>(argument));
    return next<int(int, unsigned long, ...)>("ioctl")(fd, request, argument);
}

#pragma GCC visibility pop
}  // extern "C"
