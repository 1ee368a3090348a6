// How long the contexts of one VM may make it wait for answers.
#pragma once

#include <chrono>
#include <memory>

#include "base/mutex.h"

namespace viaduct {

/// One store of time per VM, shared by all its contexts: two deadlines when it is full, and 2.5 %
/// of the time after that, however many contexts there are and whatever their workers do.
///
/// A context may use as much as it leaves: it is waited for until its own use equals the rest of
/// the store. The first one that hangs costs a deadline, the next one half of that, and something
/// is always left for one that has used nothing. Half of a context's use is forgotten every 20
/// seconds. A new context begins with the use of those that have ended, so replacing contexts gains
/// nothing.
///
/// Less than a 64th of a full store is not worth a wait: few long waits hold up fewer calls of
/// other contexts than many short ones, and a worker that is late by so little is late again.
///
/// The first 200 µs of an answered call are free: a healthy worker needs no more. Thread-safe; so
/// are its shares.
class Patience {
  public:
    using Clock = std::chrono::steady_clock;

    static constexpr std::chrono::microseconds kFree{200};
    static constexpr double kRefill = 0.025;  // of the time that passes
    static constexpr std::chrono::seconds kHalfLife{20};
    static constexpr int kLeastPart = 64;  // of a full store

    /// `deadline`: the longest wait for one answer.
    explicit Patience(Clock::duration deadline) : most_(2 * deadline), left_(most_) {}

    enum class Outcome { kAnswered, kGivenUp };

    class Share;

  private:
    /// Time used, half of which is forgotten every kHalfLife.
    class Memory {
      public:
        double at(Clock::time_point now) const;  // in ticks of Clock::duration
        void add(double ticks, Clock::time_point now);

      private:
        double ticks_ = 0;
        Clock::time_point written_{};
    };

    void refill(Clock::time_point now) VIADUCT_REQUIRES(mutex_);

    const Clock::duration most_;
    Mutex mutex_;  // of the shares, too
    Clock::duration left_
        VIADUCT_GUARDED_BY(mutex_);  // negative: a wait was longer than it was meant to be
    Clock::time_point refilled_ VIADUCT_GUARDED_BY(mutex_){};
    Memory ended_ VIADUCT_GUARDED_BY(mutex_);  // used by contexts that are gone
};

/// One context's part in the patience of its VM.
class Patience::Share {
  public:
    Share(std::shared_ptr<Patience> vm, Clock::time_point now);
    /// Its use counts for the contexts to come.
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    /// How long to wait for an answer at most; 0 if the context has used what it may.
    Clock::duration allowance(Clock::time_point now);
    /// A wait began at `start` and is over.
    void spend(Clock::time_point start, Clock::time_point now, Outcome outcome);

  private:
    const std::shared_ptr<Patience> vm_;
    Memory used_ VIADUCT_GUARDED_BY(vm_->mutex_);
    Memory inherited_
        VIADUCT_GUARDED_BY(vm_->mutex_);  // the part of it that is from ended contexts
};

}  // namespace viaduct
