#include "simgpu/fork_mutex.h"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace simgpu {

/// The mutexes that fork() waits for. A child must not meet a mutex that was locked before it was
/// in the list, so the list has a mutex of its own, which fork() holds with the others.
class ForkMutexes {
  public:
    void add(ForkMutex& mutex) {
        const std::lock_guard lock(own_);
        if (mutex.known_) return;
        if (count_ == list_.size()) {
            std::fputs("simgpu: more mutexes than fork() can wait for: raise kMost\n", stderr);
            std::abort();
        }
        list_[count_++] = &mutex;
        mutex.known_.store(true, std::memory_order_release);
    }
    void remove(ForkMutex& mutex) {
        const std::lock_guard lock(own_);
        const auto end = std::remove(list_.begin(), list_.begin() + count_, &mutex);
        count_ = static_cast<size_t>(end - list_.begin());
    }

    /// Waits for one at a time, while it holds none: threads may take them in any order.
    void lock_all() {
        for (;;) {
            own_.lock();
            size_t locked = 0;
            while (locked < count_ && list_[locked]->mutex_.try_lock()) ++locked;
            if (locked == count_) return;
            ForkMutex& taken = *list_[locked];
            unlock_first(locked);
            taken.mutex_.lock();
            taken.mutex_.unlock();
        }
    }
    void unlock_all() { unlock_first(count_); }

  private:
    static constexpr size_t kMost = 64;

    void unlock_first(size_t count) {
        for (size_t i = 0; i < count; ++i) list_[i]->mutex_.unlock();
        own_.unlock();
    }

    std::mutex own_;  // of the list; taken by threads that hold others
    std::array<ForkMutex*, kMost> list_{};
    size_t count_ = 0;
};

namespace {

constinit ForkMutexes the_mutexes;

// Before any thread can take one.
[[gnu::constructor]] void watch_forks() {
    const auto unlock = [] { the_mutexes.unlock_all(); };
    ::pthread_atfork([] { the_mutexes.lock_all(); }, unlock, unlock);
}

}  // namespace

ForkMutex::~ForkMutex() {
    if (known_) the_mutexes.remove(*this);
}

void ForkMutex::lock() {
    if (!known_.load(std::memory_order_acquire)) the_mutexes.add(*this);
    mutex_.lock();
}

bool ForkMutex::try_lock() {
    if (!known_.load(std::memory_order_acquire)) the_mutexes.add(*this);
    return mutex_.try_lock();
}

}  // namespace simgpu
