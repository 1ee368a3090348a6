// The segment's mutex and its futex words. Private to simgpu/shared.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "simgpu/shared/segment.h"

namespace simgpu::shared {

/// How long a waiting thread sleeps before it checks whether another process has died.
inline constexpr uint64_t kLookAgainNs = 20'000'000;

/// Holds the segment's mutex. What a holder that died has left half-written belongs to a seat (its
/// own, or that of a dead process it was clearing) and is cleared with it. The exception: a death
/// within Residence::push_out() leaves the booking of the buffer's owner off by the buffer's size
/// until the owner goes.
class SharedDevice::Lock {
  public:
    explicit Lock(const SharedDevice& device) : mutex_(device.segment_->mutex) {
        if (::pthread_mutex_lock(&mutex_) == EOWNERDEAD) ::pthread_mutex_consistent(&mutex_);
    }
    ~Lock() { ::pthread_mutex_unlock(&mutex_); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

  private:
    pthread_mutex_t& mutex_;
};

/// Sleeps until the word is no longer `seen` and was woken, but at most `timeout_ns`.
void futex_wait(std::atomic<uint32_t>& word, uint32_t seen, uint64_t timeout_ns);
void futex_wake_all(std::atomic<uint32_t>& word);
/// Makes all threads that wait for the ring look again.
void notify(Ring& ring);

}  // namespace simgpu::shared
