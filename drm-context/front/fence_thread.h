// The one thread of the front: reports retired fences, and winds contexts down.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "blob/result.h"
#include "blob/unique_fd.h"
#include "drm-context/front/context_link.h"
#include "drm-context/native_context.h"

namespace viaduct {

class FenceThread {
  public:
    static Result<std::unique_ptr<FenceThread>> start(FenceCallback on_fence);
    ~FenceThread() { stop(); }

    /// Abandons what is still there and ends. No callback afterwards.
    void stop();

    /// Watches a context until its worker has ended and the VMM has let go of it.
    Status add(std::shared_ptr<ContextLink> link);
    /// Calls `on_ready` on the thread whenever `fd` is readable; it must not take long. Before the
    /// first context only.
    Status add_source(int fd, std::function<void()> on_ready);

  private:
    FenceThread(FenceCallback on_fence, UniqueFd epoll, UniqueFd stop);
    /// What happened to a context or a source: an epoll key is its number and this.
    enum class Event : uint64_t { kNotify, kMessage, kSource, kEvents };
    static uint64_t key_of(uint64_t number, Event event) {
        return number * static_cast<uint64_t>(Event::kEvents) + static_cast<uint64_t>(event);
    }

    void run();
    void serve(uint64_t key);
    /// Milliseconds until somebody must be looked after again; -1: nobody is there.
    int time_to_check();
    void check_progress();
    std::shared_ptr<ContextLink> find(uint64_t number);
    std::function<void()> find_source(uint64_t key);
    void collect(uint64_t number, ContextLink& link);

    const FenceCallback on_fence_;
    UniqueFd epoll_;
    UniqueFd stop_;
    std::mutex mutex_;  // of the table; not held during callbacks
    std::map<uint64_t, std::shared_ptr<ContextLink>> watched_;
    uint64_t next_number_ = 1;
    std::chrono::steady_clock::time_point next_check_{};  // this thread's
    std::map<uint64_t, std::function<void()>> sources_;   // by epoll key
    std::thread thread_;
};

}  // namespace viaduct
