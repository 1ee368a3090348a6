// RetiredFences: which fences the library has reported. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <utility>

#include "base/mutex.h"

namespace viaduct::replay {

class RetiredFences {
  public:
    struct Fence {
        uint32_t ctx_id;
        uint32_t ring_idx;
        uint64_t fence_id;
        auto operator<=>(const Fence&) const = default;
    };

    void add(const Fence& fence) {
        const LockGuard lock(mutex_);
        ++retired_[fence];
        changed_.notify_all();
    }
    /// Takes one report of it, which may still have to come. False: it did not, in that time.
    bool take(const Fence& fence, std::chrono::milliseconds patience) {
        UniqueLock lock(mutex_);
        const auto until = std::chrono::steady_clock::now() + patience;
        for (;;) {
            const auto found = retired_.find(fence);
            if (found != retired_.end()) {
                if (--found->second == 0) retired_.erase(found);
                return true;
            }
            if (changed_.wait_until(lock.native(), until) == std::cv_status::timeout &&
                !retired_.contains(fence))
                return false;
        }
    }
    void clear() {
        const LockGuard lock(mutex_);
        retired_.clear();
    }

  private:
    Mutex mutex_;
    std::condition_variable changed_;
    std::map<Fence, uint64_t> retired_ VIADUCT_GUARDED_BY(mutex_);
};

}  // namespace viaduct::replay
