// Byte-range locks on a segment's file (fcntl(2), open file description locks): who is attached to
// it. The kernel drops them when their process dies: that is how the others know. The same places
// in every version of the layout. Private to simgpu/shared.
#pragma once

#include <fcntl.h>

namespace simgpu::shared {

/// Held while a process attaches or detaches.
inline constexpr off_t kAttachLock = 0;
/// One for each seat from here on, held as long as the process has it.
inline constexpr off_t kSeatLocks = 1;

enum class IfHeld { kWait, kGiveUp };
bool lock_byte(int fd, off_t byte, IfHeld if_held);
void unlock_byte(int fd, off_t byte);

/// Whether another open file holds one of `count` bytes from `first` on; 0: of all that follow.
bool others_hold(int fd, off_t first, off_t count);

/// Keeps others from attaching and detaching meanwhile.
class AttachLock {
  public:
    explicit AttachLock(int fd) : fd_(fd) { lock_byte(fd_, kAttachLock, IfHeld::kWait); }
    ~AttachLock() { unlock_byte(fd_, kAttachLock); }
    AttachLock(const AttachLock&) = delete;
    AttachLock& operator=(const AttachLock&) = delete;

  private:
    int fd_;
};

}  // namespace simgpu::shared
