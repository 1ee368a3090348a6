// PresenterThread: a Presenter on a thread of its own.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "display/wayland/presenter.h"

namespace viaduct::wayland {

/// For callers that nothing may hold up: frames are handed over, and shown on the thread.
/// Thread-safe.
class PresenterThread {
  public:
    /// The listener (borrowed) is called on the presenter's thread, and must not destroy it. Throws
    /// std::system_error if there is no descriptor or no thread left.
    PresenterThread(std::unique_ptr<Connection> connection, Presenter::Options options,
                    PresenterListener& listener);
    /// Waits for the listener's last call. Frames that were not released by then never are.
    ~PresenterThread();
    PresenterThread(const PresenterThread&) = delete;
    PresenterThread& operator=(const PresenterThread&) = delete;

    /// Presenter::present() on the thread. A frame that the thread has not taken yet makes way for
    /// the newer one; frames after lost() are dropped and released at once.
    void present(Frame frame, uint64_t number);
    PresenterCounts counts() const;
    WindowSize size() const;

  private:
    struct Handed {
        Frame frame;
        uint64_t number = 0;
    };

    void run(std::unique_ptr<Connection> connection, Presenter::Options options);
    /// False: the thread is to end.
    bool take_over(Presenter& presenter);
    void give_up(uint64_t number);

    PresenterListener& listener_;
    const UniqueFd wake_;       // an eventfd
    mutable std::mutex mutex_;  // guards what follows
    std::optional<Handed> handed_;
    std::vector<uint64_t> overtaken_;  // numbers of frames that made way
    uint64_t num_overtaken_ = 0;
    PresenterCounts counts_;
    WindowSize size_;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace viaduct::wayland
