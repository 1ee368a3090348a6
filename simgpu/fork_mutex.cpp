#include "simgpu/fork_mutex.h"

#include <pthread.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace simgpu {

/// The mutexes that fork() waits for. The list itself is free of locks.
struct ForkMutexes {
    static constexpr size_t kMost = 64;

    std::array<std::atomic<ForkMutex*>, kMost> places{};
    std::atomic<bool> handled = false;
    /// Held by the thread that forks. Written by the holder of all of them.
    std::array<ForkMutex*, kMost> held{};
    size_t held_count = 0;

    void add(ForkMutex& mutex) {
        if (mutex.known_.exchange(true)) return;
        if (!handled.exchange(true)) ::pthread_atfork(before_fork, after_fork, after_fork);
        for (auto& place : places) {
            ForkMutex* none = nullptr;
            if (place.compare_exchange_strong(none, &mutex)) return;
        }
        std::fputs("simgpu: more mutexes than fork() can wait for: raise ForkMutexes::kMost\n",
                   stderr);
        std::abort();
    }
    void remove(ForkMutex& mutex) {
        for (auto& place : places) {
            ForkMutex* expected = &mutex;
            if (place.compare_exchange_strong(expected, nullptr)) return;
        }
    }
    void lock_all();
    void unlock_all() {
        const size_t count = std::exchange(held_count, 0);
        const auto mutexes = held;
        for (size_t i = 0; i < count; ++i) mutexes[i]->mutex_.unlock();
    }

    static void before_fork();
    static void after_fork();
};

namespace {
constinit ForkMutexes the_mutexes;
}  // namespace

void ForkMutexes::before_fork() {
    the_mutexes.lock_all();
}

void ForkMutexes::after_fork() {
    the_mutexes.unlock_all();
}

/// Waits for one at a time, while it holds none: threads may take them in any order.
void ForkMutexes::lock_all() {
    std::array<ForkMutex*, kMost> all{};
    size_t count = 0;
    for (auto& place : places)
        if (ForkMutex* mutex = place) all[count++] = mutex;
    for (size_t first = 0, locked = 0; locked < count;) {
        all[first]->mutex_.lock();
        for (locked = 1; locked < count; ++locked)
            if (!all[(first + locked) % count]->mutex_.try_lock()) break;
        if (locked == count) break;
        const size_t taken = (first + locked) % count;
        for (size_t i = 0; i < locked; ++i) all[(first + i) % count]->mutex_.unlock();
        first = taken;
    }
    held = all;
    held_count = count;
}

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
