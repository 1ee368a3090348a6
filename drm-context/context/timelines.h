// Fences of one context: which sync file must signal before which fence retires.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "blob/unique_fd.h"

namespace viaduct {

/// Rings that a context's fences can name; the protocol has at most 64 (virtio-gpu NUM_RINGS).
inline constexpr uint32_t kMaxRings = 64;

/// Fences are counted per ring: the front numbers those it creates 1, 2, 3, ... and this class
/// tells how many have retired, in order. Ids stay in the front.
class Timelines {
  public:
    struct Hooks {
        /// All fences up to `count` of `ring` have retired.
        std::function<void(uint32_t ring, uint64_t count)> retired;
        /// A sync file that signals when both have; invalid on failure.
        std::function<UniqueFd(int a, int b)> merge;
        /// True once all work submitted on `ring` is done: asked where no descriptor could be had.
        std::function<bool(uint32_t ring)> ring_idle;
    };

    explicit Timelines(Hooks hooks) : hooks_(std::move(hooks)) {}

    /// Adds fence number `count` to `ring` with no work of its own: it retires after those before.
    void add_fence(uint32_t ring, uint64_t count);
    /// Adds fence number `count`, which waits for `newest` too: the sync file of the ring's newest
    /// submission, or invalid if the kernel gave none (out of descriptors).
    void add_fence_after(uint32_t ring, uint64_t count, UniqueFd newest);
    /// A duplicate of what fence `count` waits for; invalid if it has retired.
    UniqueFd export_fence(uint32_t ring, uint64_t count) const;
    /// Retires what has signalled.
    void advance();
    /// Retires everything (the work is known to be dead).
    void retire_all();
    bool idle() const;
    /// Appends the descriptors whose readability should lead to advance(); borrowed. True if some
    /// fence has none and advance() must be called from time to time.
    bool append_pending(std::vector<int>& descriptors) const;

  private:
    // Consecutive fences that wait for the same work share one entry, hence one descriptor.
    struct Entry {
        UniqueFd sync_file;
        uint64_t last_count = 0;
    };
    using Ring = std::deque<Entry>;

    bool is_done(uint32_t ring, const Entry& entry) const;

    Ring rings_[kMaxRings];
    Hooks hooks_;
};

}  // namespace viaduct
