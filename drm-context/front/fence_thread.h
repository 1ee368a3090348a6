// The one thread of the front: reports retired fences, and winds contexts down.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/quick_mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "drm-context/front/context_link.h"
#include "drm-context/native_context.h"

namespace viaduct {

class FenceThread {
  public:
    static Result<std::unique_ptr<FenceThread>> start(FenceCallback on_fence);
    ~FenceThread() { stop(); }

    /// Abandons what is still there and ends. No callback afterwards.
    void stop();
    /// Abandons what is there now; its fences are dropped: no callback for them afterwards. Waits
    /// for a callback that runs, and for nothing else. Not from within one.
    void abandon_all() noexcept;

    /// Watches a context until its worker has ended and the VMM has let go of it.
    Status add(std::shared_ptr<ContextLink> link);
    /// The link's socket was replaced.
    Status watch_anew(const ContextLink& link);
    /// Ends the oldest of those contexts that the VMM has let go of and whose workers still run.
    /// Waits for that, for `most`, and as long as its patience lasts. False if its worker is still
    /// there, or if there is no such context.
    bool make_room(std::chrono::milliseconds most);

  private:
    struct Watched {
        std::shared_ptr<ContextLink> link;
        // This thread's: what has retired, and how much of it was reported. Kept here, so that no
        // throw loses a fence.
        std::vector<RetiredFence> retired;
        size_t reported = 0;
    };

    FenceThread(FenceCallback on_fence, UniqueFd epoll, UniqueFd stop);
    void run();
    /// Waits, and looks after what has news. False once the thread is to end.
    bool take_turn();
    /// After a throw: nothing that a turn was about may be forgotten.
    void repeat_turn();
    void serve(uint64_t number);
    /// Milliseconds until a context needs attention again; -1: there are no contexts.
    int time_to_check();
    void check_progress();
    std::vector<std::shared_ptr<ContextLink>> links();
    Watched* find(uint64_t number);
    void report(uint64_t number, const ContextLink& link, const RetiredFence& fence);
    void collect(uint64_t number, Watched& watched);

    const FenceCallback on_fence_;
    QuickMutex report_mutex_;  // held during callbacks; before mutex_
    uint64_t reported_from_ VIADUCT_GUARDED_BY(report_mutex_) = 1;  // fences of contexts before: no
    UniqueFd epoll_;
    UniqueFd stop_;
    QuickMutex mutex_;  // of the tables; not held during callbacks
    // By the number that is their epoll key.
    std::map<uint64_t, Watched> watched_
        VIADUCT_GUARDED_BY(mutex_);  // erased from by this thread only
    uint64_t next_number_ VIADUCT_GUARDED_BY(mutex_) = 1;
    std::chrono::steady_clock::time_point next_check_{};  // this thread's
    LogLimiter limiter_;                                  // this thread's
    std::thread thread_;
};

}  // namespace viaduct
