// ForkWitness: notices that this is another process than before, at the cost of a load.
#pragma once

#include <atomic>
#include <cstdint>

namespace viaduct::guest {

/// A page that the kernel clears in every child with memory of its own (MADV_WIPEONFORK), however
/// the child was made: pthread_atfork() misses those of clone(2). A child of vfork(), which runs in
/// its parent's memory, leaves no trace.
///
/// Threads: any.
class ForkWitness {
  public:
    ForkWitness();
    ~ForkWitness();
    ForkWitness(const ForkWitness&) = delete;
    ForkWitness& operator=(const ForkWitness&) = delete;

    /// False in a child until settle() was called there. Always true where the kernel has no such
    /// pages (before Linux 4.14).
    bool is_same_process() const {
        return !state_ || state_->load(std::memory_order_acquire) == kSettled;
    }
    /// In a child: runs `adapt` once; returns when it has run, whichever thread came first. Without
    /// such pages it runs at each call.
    template <typename Adapt>
    void settle(const Adapt& adapt) {
        if (!state_) return adapt();
        uint32_t expected = kWiped;
        if (state_->compare_exchange_strong(expected, kAdapting)) {
            adapt();
            state_->store(kSettled, std::memory_order_release);
            state_->notify_all();
            return;
        }
        state_->wait(kAdapting, std::memory_order_acquire);
    }

  private:
    static constexpr uint32_t kWiped = 0;
    static constexpr uint32_t kAdapting = 1;
    static constexpr uint32_t kSettled = 2;

    std::atomic<uint32_t>* state_ = nullptr;  // in the page; null: none could be made
};

}  // namespace viaduct::guest
