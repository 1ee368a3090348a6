// PresenterThread: a Presenter on a thread of its own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "display/wayland/presenter.h"

namespace viaduct::embed {

/// For callers that nothing may hold up: frames are handed over, and shown on the thread.
/// Thread-safe.
class PresenterThread {
  public:
    using Turn = std::function<void(wayland::Presenter&)>;

    /// The listener (borrowed) is called on the presenter's thread, and must not destroy it; so is
    /// `turn`, before everything else, and each time that something has happened or wake() was
    /// called. Throws std::system_error if there is no descriptor or no thread left.
    PresenterThread(std::unique_ptr<wayland::Connection> connection,
                    wayland::Presenter::Options options, wayland::PresenterListener& listener,
                    Turn turn);
    /// Waits for the listener's last call. Frames that were not released by then never are.
    ~PresenterThread();
    PresenterThread(const PresenterThread&) = delete;
    PresenterThread& operator=(const PresenterThread&) = delete;

    /// Presenter::present() on the thread. A frame that the thread has not taken yet makes way for
    /// the newer one; frames after lost() are dropped and released at once. ENOTCONN: the thread
    /// has ended for want of memory; the frame was not accepted.
    Status present(Frame frame, uint64_t number);
    /// Presenter::frames_skipped(), for the next frame.
    void frame_skipped();
    /// Lets the thread call `turn` soon.
    void wake();
    wayland::PresenterCounts counts() const;

  private:
    struct Handed {
        Frame frame;
        uint64_t number = 0;
        bool damage_lost = false;  // a frame ahead of it was left out
    };

    void run(std::unique_ptr<wayland::Connection> connection, wayland::Presenter::Options options);
    void take_turns(wayland::Presenter& presenter);
    /// False: the thread is to end.
    bool take_over(wayland::Presenter& presenter);
    /// After an exception: releases all frames, and then reports lost(). Null: no presenter yet.
    void give_all_up(wayland::Presenter* presenter, const char* why);
    void publish(const wayland::PresenterCounts& counts);
    void give_up(uint64_t number);

    wayland::PresenterListener& listener_;
    const Turn turn_;
    const UniqueFd wake_;  // an eventfd
    mutable Mutex mutex_;
    std::optional<Handed> handed_ VIADUCT_GUARDED_BY(mutex_);
    std::vector<uint64_t> overtaken_ VIADUCT_GUARDED_BY(mutex_);  // numbers of frames that made way
    uint64_t num_overtaken_ VIADUCT_GUARDED_BY(mutex_) = 0;
    wayland::PresenterCounts counts_ VIADUCT_GUARDED_BY(mutex_);
    bool skipped_ VIADUCT_GUARDED_BY(mutex_) = false;
    bool ending_ VIADUCT_GUARDED_BY(mutex_) = false;
    bool ended_ VIADUCT_GUARDED_BY(mutex_) = false;  // by an exception
    std::thread thread_;
};

}  // namespace viaduct::embed
