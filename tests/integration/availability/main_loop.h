// A VMM's main loop: the one thread that calls the library, on behalf of guests on threads of their
// own.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <semaphore>
#include <thread>

namespace viaduct::test {

/// A guest's call waits in a queue until the main loop takes it, as in a virtqueue; the guest
/// sleeps until it is done. The queue has no lock, so that a guest's thread that the kernel
/// preempts holds up nobody else.
class MainLoop {
  public:
    MainLoop();
    ~MainLoop();

    /// Runs `call` on the main loop. Any other thread.
    void run(const std::function<void()>& call);

    /// How much of a stretch of time the main loop stood still within calls: time in which it did
    /// not run, and the kernel would have let it.
    struct Use {
        std::chrono::duration<double> time{};
        std::chrono::duration<double> waiting{};
        double share() const { return waiting / time; }
    };
    /// Since it was last asked.
    Use take_use();

  private:
    struct Call {
        const std::function<void()>* call;
        std::shared_ptr<std::binary_semaphore> done;
        Call* next = nullptr;
    };

    void serve();
    /// The oldest call; null once the object ends.
    Call* take();

    std::atomic<Call*> newest_ = nullptr;
    Call* oldest_ = nullptr;  // the main loop's: calls that it has taken out of the list of newest_
    std::counting_semaphore<> waiting_calls_{0};

    std::mutex mutex_;  // of what follows
    std::chrono::duration<double> waiting_{};
    std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();

    std::thread thread_;
};

}  // namespace viaduct::test
