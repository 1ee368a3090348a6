// QuickMutex: a mutex that costs an instruction or two while nobody else wants it.
#pragma once

#include <atomic>

#include "base/mutex.h"

namespace viaduct {

/// For locks that each submission or fence takes: one of the C library costs two calls and some 55
/// instructions, contended or not. A thread that has to wait sleeps in the kernel. Neither
/// recursive nor fair. Its condition variable is std::condition_variable_any.
class VIADUCT_ATTRIBUTE(capability("mutex")) QuickMutex {
  public:
    QuickMutex() = default;
    QuickMutex(const QuickMutex&) = delete;
    QuickMutex& operator=(const QuickMutex&) = delete;

    void lock() VIADUCT_ATTRIBUTE(acquire_capability()) {
        int state = kFree;
        if (!state_.compare_exchange_strong(state, kHeld, std::memory_order_acquire)) wait();
    }
    void unlock() VIADUCT_ATTRIBUTE(release_capability()) {
        if (state_.exchange(kFree, std::memory_order_release) == kWanted) state_.notify_one();
    }

  private:
    // Ulrich Drepper, "Futexes Are Tricky", the second mutex. An int: futexes have 32 bits.
    enum : int { kFree, kHeld, kWanted };

    // After a wait it is held as kWanted: other threads may still wait.
    [[gnu::noinline]] void wait() {
        while (state_.exchange(kWanted, std::memory_order_acquire) != kFree)
            state_.wait(kWanted, std::memory_order_relaxed);
    }

    std::atomic<int> state_ = kFree;
};

}  // namespace viaduct
