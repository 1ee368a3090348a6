// SeqnoMap: from the submission numbers of one GPU context to the points of a timeline.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace viaduct::guest::amdgpu {

/// The kernel numbers submissions per context and ring, from 1; a timeline's points count over all
/// contexts that use the ring. Numbers that follow one another on both sides are one run, so a map
/// stays at one entry as long as contexts do not alternate.
class SeqnoMap {
  public:
    /// The number of the newest submission; 0 before the first.
    uint64_t last() const { return last_; }
    /// Records that submission last() + 1 is `point`, which must be larger than all before.
    void append(uint64_t point);
    /// The point of submission `seqno` (1 … last()). Nothing if it was forgotten, which only
    /// happens to submissions that are complete.
    std::optional<uint64_t> find(uint64_t seqno) const;
    /// Forgets runs that end at or before `point`, which the timeline has reached.
    void forget_until(uint64_t point);
    size_t runs() const { return runs_.size(); }

  private:
    struct Run {
        uint64_t first_seqno;
        uint64_t first_point;
        uint64_t length;
    };
    std::vector<Run> runs_;  // by seqno
    uint64_t last_ = 0;
};

}  // namespace viaduct::guest::amdgpu
