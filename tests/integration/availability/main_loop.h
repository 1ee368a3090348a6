// A VMM's main loop: the one thread that calls the library, on behalf of guests on threads of their
// own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace viaduct::test {

/// A guest's call waits in a queue until the main loop takes it, as in a virtqueue; the guest
/// sleeps until it is done.
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
        bool done = false;
    };

    void serve();
    std::chrono::duration<double> run_one(const std::function<void()>& call);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Call*> queue_;
    bool ends_ = false;
    std::chrono::duration<double> waiting_{};
    std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
    std::thread thread_;
};

}  // namespace viaduct::test
