// Coverage: which numbers some ranges cover, in memory for the ranges and not for the numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace viaduct::i915 {

/// Counts the ranges over each number, and keeps an entry where that count changes: two for each
/// range at most, however long it is. add() and remove() take time for the entries that the range
/// meets. Ranges are [first, end) with first < end. Used by one thread.
class Coverage {
  public:
    void add(uint64_t first, uint64_t end);
    /// A range that was added, and not removed since.
    void remove(uint64_t first, uint64_t end);

    /// How many numbers at least one range covers.
    uint64_t covered() const { return covered_; }
    size_t entries() const { return steps_.size(); }

  private:
    using Steps = std::map<uint64_t, uint32_t>;
    /// The entry at `number`, which is made if the count does not change there.
    Steps::iterator split(uint64_t number);
    /// Drops the entry at `number` if the count does not change there any more.
    void join(uint64_t number);

    Steps steps_;  // ranges over each number from this one to the next entry; 0 before the first
    uint64_t covered_ = 0;
};

}  // namespace viaduct::i915
