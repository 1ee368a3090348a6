// Where the library's fence callbacks, from whatever thread, hand over to the API thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace viaduct::loopback {

struct RetiredFence {
    uint32_t ctx_id = 0;
    uint32_t ring = 0;
    uint64_t fence_id = 0;
};

/// Thread-safe.
class FenceInbox {
  public:
    static Result<UniqueFd> create_wakeup();
    explicit FenceInbox(UniqueFd wakeup) : wakeup_(std::move(wakeup)) {}

    void push(const RetiredFence& fence);
    std::vector<RetiredFence> take();
    /// Polls readable while something may be in the inbox.
    int wakeup_fd() const { return wakeup_.get(); }

  private:
    UniqueFd wakeup_;
    std::mutex mutex_;
    std::vector<RetiredFence> fences_;
};

}  // namespace viaduct::loopback
