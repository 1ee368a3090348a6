// GpuCounter: a number in memory that the GPU itself counts up as work ends.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "blob/mapping.h"

namespace viaduct::guest {

/// Memory with such numbers, mapped until it is closed. Thread-safe.
class CounterMemory {
  public:
    explicit CounterMemory(Mapping mapping) : mapping_(std::move(mapping)) {}

    /// The 64 bits at `offset`, which is a multiple of 8; nothing beyond the end, or once closed.
    std::optional<uint64_t> read(uint64_t offset) const {
        const LockGuard lock(mutex_);
        if (offset % sizeof(uint64_t) != 0 || offset >= mapping_.size()) return {};
        auto* const number = reinterpret_cast<uint64_t*>(mapping_.data() + offset);
        return std::atomic_ref<uint64_t>(*number).load(std::memory_order_acquire);
    }
    void close() {
        const LockGuard lock(mutex_);
        mapping_.reset();
    }

  private:
    mutable Mutex mutex_;
    Mapping mapping_ VIADUCT_GUARDED_BY(mutex_);
};

/// Work of one owner that is done in order, numbered: the memory has the number of what ended last.
/// Thread-safe.
class GpuCounter {
  public:
    GpuCounter(std::shared_ptr<const CounterMemory> memory, uint64_t offset)
        : memory_(std::move(memory)), offset_(offset) {}

    /// False also if it is not known. All ones is what a bus answers where there is nothing.
    bool has_reached(uint64_t number) const {
        const auto now = memory_->read(offset_);  // first: spoil() comes before another's number
        return now && *now >= number && *now != ~uint64_t{0} && !spoilt_;
    }
    /// Somebody else's work is about to be counted there, too.
    void spoil() { spoilt_ = true; }

  private:
    std::shared_ptr<const CounterMemory> memory_;
    uint64_t offset_;
    std::atomic<bool> spoilt_ = false;
};

}  // namespace viaduct::guest
