// A mutex for what a whole process shares, and that fork() waits for.
#pragma once

#include <atomic>
#include <mutex>

#include "base/mutex.h"

namespace simgpu {

/// For tables that all threads share. fork() waits until no thread holds it, so that a child finds
/// it free and the table whole: the thread that would have unlocked it is not in the child. Meets
/// the standard's Lockable. A thread must not fork while it holds one.
class VIADUCT_ATTRIBUTE(capability("mutex")) ForkMutex {
  public:
    constexpr ForkMutex() = default;
    ForkMutex(const ForkMutex&) = delete;
    ForkMutex& operator=(const ForkMutex&) = delete;
    ~ForkMutex();

    void lock() VIADUCT_ATTRIBUTE(acquire_capability());
    bool try_lock() VIADUCT_ATTRIBUTE(try_acquire_capability(true));
    void unlock() VIADUCT_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

  private:
    friend class ForkMutexes;
    std::mutex mutex_;
    std::atomic<bool> known_ = false;  // it is in the list that fork() waits for
};

}  // namespace simgpu
