// A mutex whose rules clang checks: members that it guards, functions that need it held.
#pragma once

#include <mutex>

// Attributes of clang's -Wthread-safety, which libstdc++'s mutex lacks; nothing to other compilers.
// tests/locks/ has clang check them. https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#ifdef __clang__
#define VIADUCT_ATTRIBUTE(text) __attribute__((text))
#else
#define VIADUCT_ATTRIBUTE(text)
#endif
/// Of a member: read and written only with the mutex held.
#define VIADUCT_GUARDED_BY(mutex) VIADUCT_ATTRIBUTE(guarded_by(mutex))
/// Of a function, a lambda too: called only with the mutex held.
#define VIADUCT_REQUIRES(mutex) VIADUCT_ATTRIBUTE(requires_capability(mutex))
/// Of a function that returns a reference to the mutex.
#define VIADUCT_RETURNS(mutex) VIADUCT_ATTRIBUTE(lock_returned(mutex))
/// Of a function whose locks are beyond the check, for a reason that it states.
#define VIADUCT_LOCKS_UNCHECKED VIADUCT_ATTRIBUTE(no_thread_safety_analysis)

namespace viaduct {

/// std::mutex, with attributes.
class VIADUCT_ATTRIBUTE(capability("mutex")) Mutex {
  public:
    void lock() VIADUCT_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
    void unlock() VIADUCT_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

  private:
    friend class UniqueLock;
    std::mutex mutex_;
};

/// std::lock_guard, of a Mutex or what has its attributes.
template <typename Lockable>
class VIADUCT_ATTRIBUTE(scoped_lockable) LockGuard {
  public:
    explicit LockGuard(Lockable& mutex) VIADUCT_ATTRIBUTE(acquire_capability(mutex))
        : mutex_(mutex) {
        mutex.lock();
    }
    ~LockGuard() VIADUCT_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
    LockGuard(const LockGuard&) = delete;
    LockGuard& operator=(const LockGuard&) = delete;

  private:
    Lockable& mutex_;
};

/// std::unique_lock, as far as a condition variable needs it.
class VIADUCT_ATTRIBUTE(scoped_lockable) UniqueLock {
  public:
    explicit UniqueLock(Mutex& mutex) VIADUCT_ATTRIBUTE(acquire_capability(mutex))
        : lock_(mutex.mutex_) {}
    ~UniqueLock() VIADUCT_ATTRIBUTE(release_capability()) {}
    UniqueLock(const UniqueLock&) = delete;
    UniqueLock& operator=(const UniqueLock&) = delete;

    /// For std::condition_variable, which releases the mutex and takes it again.
    std::unique_lock<std::mutex>& native() { return lock_; }

  private:
    std::unique_lock<std::mutex> lock_;
};

}  // namespace viaduct
