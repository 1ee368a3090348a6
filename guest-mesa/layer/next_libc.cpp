#include "guest-mesa/layer/next_libc.h"

#include <dlfcn.h>
#include <poll.h>
#include <sys/mman.h>

#include <cerrno>

namespace viaduct::guest {

namespace {

template <typename Function>
void find_next(Function& function, const char* name) {
    function = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

class NextKernel final : public Kernel {
  public:
    int ioctl(int fd, unsigned long request, void* argument) override {
        const int result = next_libc().ioctl(fd, request, argument);
        return result < 0 ? -errno : result;
    }

    Result<Mapping> map(int fd, uint64_t offset, size_t size) override {
        void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                               static_cast<off_t>(offset));
        if (address == MAP_FAILED)
            return fail(errno, "mapping {:#x} bytes at {:#x} failed (error {})", size, offset,
                        errno);
        return Mapping(address, size);
    }

    int wait_readable(int fd, std::chrono::milliseconds timeout) override {
        pollfd entry{fd, POLLIN, 0};
        const int result = ::poll(&entry, 1, static_cast<int>(timeout.count()));
        if (result < 0) return errno == EINTR ? 0 : -errno;
        return result > 0 && !(entry.revents & POLLNVAL) ? 1 : result > 0 ? -EBADF : 0;
    }
};

}  // namespace

const NextLibc& next_libc() {
    static const NextLibc next = [] {
        NextLibc found{};
        find_next(found.open, "open");
        find_next(found.open64, "open64");
        find_next(found.ioctl, "ioctl");
        find_next(found.close, "close");
        find_next(found.close_range, "close_range");
        find_next(found.closefrom, "closefrom");
        find_next(found.dup, "dup");
        find_next(found.dup2, "dup2");
        find_next(found.dup3, "dup3");
        find_next(found.fcntl, "fcntl");
        find_next(found.fcntl64, "fcntl64");
        find_next(found.ioctl_time64, "__ioctl_time64");
        find_next(found.fcntl_time64, "__fcntl_time64");
        return found;
    }();
    return next;
}

Kernel& next_kernel() {
    static NextKernel* const kernel = new NextKernel;  // never destroyed: close() outlives statics
    return *kernel;
}

}  // namespace viaduct::guest
