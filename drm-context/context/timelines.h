// Fences of one context: which sync file must signal before which fence retires.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/unique_fd.h"

namespace viaduct {

/// Rings that a context's fences can name; the protocol has at most 64 (virtio-gpu NUM_RINGS).
inline constexpr uint32_t kMaxRings = 64;

/// Fences are counted per ring: the front numbers those it creates 1, 2, 3, ... and this class
/// reports how many have retired, in order. Ids stay in the front. A fence waits for all the work
/// that was added to its ring before it.
class Timelines {
  public:
    /// The ring's first `submissions` submissions.
    struct Work {
        /// Signals when they are done, and those that were added without one before; invalid if the
        /// kernel gave none (out of descriptors).
        UniqueFd sync_file;
        uint64_t submissions = 0;
        // Of the first one that the work before does not cover.
        int64_t submitted_ns = 0;  // CLOCK_MONOTONIC
        uint64_t command_bytes = 0;
    };

    struct Hooks {
        /// All work of the ring up to this is done. Called before retired() of its fences.
        std::function<void(RingIndex ring, const Work& work)> done;
        /// All fences up to `count` of `ring` have retired (0: no further one), and what requests
        /// up to `request` gave to it has ended.
        std::function<void(RingIndex ring, uint64_t count, uint32_t request)> retired;
        /// A sync file that signals when both have; invalid on failure.
        std::function<UniqueFd(int a, int b)> merge;
        /// True once all work submitted on `ring` is done: asked where no descriptor could be had.
        std::function<bool(RingIndex ring)> ring_idle;
    };

    explicit Timelines(Hooks hooks) : hooks_(std::move(hooks)) {}

    /// Adds what was submitted to `ring` since the last call.
    void add_work(RingIndex ring, Work work);
    /// Adds fence number `count` to `ring`; `request`: the newest that had run by then.
    void add_fence(RingIndex ring, uint64_t count, uint32_t request);
    /// Without a fence: retired() tells of the end of the work so far as that of `request`.
    void add_request(RingIndex ring, uint32_t request);
    /// A sync file that signals when fence `count` retires; invalid if it has, or on failure.
    UniqueFd export_fence(RingIndex ring, uint64_t count) const;
    /// Retires what has signalled.
    void advance();
    /// Retires everything (the work is known to be dead).
    void retire_all();
    bool idle() const { return pending_ == 0; }
    /// A sync file that signals when all work is done; invalid if there is none, or on failure.
    UniqueFd export_all() const;
    /// Appends the descriptors whose readability should lead to advance(); borrowed. True if some
    /// fence has none and advance() must be called from time to time.
    bool append_pending(std::vector<int>& descriptors) const;

  private:
    // Consecutive fences that wait for the same work share one entry, hence one descriptor. Only
    // the newest work may have none.
    struct Entry {
        Work work;
        uint64_t last_count = 0;  // 0: no fence waits for it alone
        std::optional<uint32_t> last_request;
    };
    /// Of entries in their order.
    struct Newest {
        uint64_t count = 0;
        std::optional<uint32_t> request;
        void include(const Entry& entry) {
            count = std::max(count, entry.last_count);
            if (entry.last_request) request = entry.last_request;
        }
    };
    void report(RingIndex ring, const Newest& newest) const;
    using Ring = std::deque<Entry>;

    bool is_done(RingIndex ring, const Work& work) const;
    bool join_newest(Ring& pending, Work& work) const;

    Ring rings_[kMaxRings];
    uint64_t pending_ = 0;  // a bit for each ring that has entries
    static_assert(kMaxRings <= 64);
    Hooks hooks_;
};

}  // namespace viaduct
