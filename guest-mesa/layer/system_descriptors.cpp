#include "guest-mesa/layer/system_descriptors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "guest-mesa/layer/next_libc.h"

namespace viaduct::guest {

namespace {

/// Puts the file of `other` behind `fd`; whether exec closes `fd` stays as it is.
int put_behind(int fd, int other) {
    const int flags = next_libc().fcntl(fd, F_GETFD, 0L);
    if (flags < 0) return -errno;
    return next_libc().dup3(other, fd, (flags & FD_CLOEXEC) != 0 ? O_CLOEXEC : 0) < 0 ? -errno : 0;
}

int put_behind_all(std::span<const int> fds, int other) {
    int error = 0;
    for (const int fd : fds)
        if (const int each = put_behind(fd, other); each < 0) error = each;
    return error;
}

class SystemDescriptors final : public Descriptors {
  public:
    std::optional<Identity> identity(int fd) override {
        struct stat status {};
        if (::fstat(fd, &status) < 0) return std::nullopt;
        return Identity{status.st_dev, status.st_ino, S_ISCHR(status.st_mode) ? status.st_rdev : 0};
    }

    // The kernel opens the node itself, whatever its path is here and whether it has one.
    int reopen(std::span<const int> fds) override {
        const int status = next_libc().fcntl(fds[0], F_GETFL, 0L);
        if (status < 0) return -errno;
        const std::string path = fmt::format("/proc/self/fd/{}", fds[0]);
        const int file =
            next_libc().open64(path.c_str(), (status & (O_ACCMODE | O_NONBLOCK)) | O_CLOEXEC);
        if (file < 0) return -errno;
        const int error = put_behind_all(fds, file);
        next_libc().close(file);
        return error;
    }

    int join(std::span<const int> fds, int other) override { return put_behind_all(fds, other); }
};

}  // namespace

Descriptors& system_descriptors() {
    static Descriptors* const descriptors = new SystemDescriptors;
    return *descriptors;
}

}  // namespace viaduct::guest
