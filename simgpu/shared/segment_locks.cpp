#include "simgpu/shared/segment_locks.h"

#include <unistd.h>

#include <cerrno>

namespace simgpu::shared {

namespace {

struct flock bytes_to_lock(off_t first, off_t count, short type) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = first;
    lock.l_len = count;
    return lock;
}

}  // namespace

bool lock_byte(int fd, off_t byte, IfHeld if_held) {
    struct flock lock = bytes_to_lock(byte, 1, F_WRLCK);
    int result = 0;
    do {
        result = ::fcntl(fd, if_held == IfHeld::kWait ? F_OFD_SETLKW : F_OFD_SETLK, &lock);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

void unlock_byte(int fd, off_t byte) {
    struct flock lock = bytes_to_lock(byte, 1, F_UNLCK);
    ::fcntl(fd, F_OFD_SETLK, &lock);
}

bool others_hold(int fd, off_t first, off_t count) {
    struct flock lock = bytes_to_lock(first, count, F_WRLCK);
    return ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace simgpu::shared
