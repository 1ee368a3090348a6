// ReplayedMemory: a buffer of the replay, beside what it held in the recording.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "base/result.h"
#include "blob/mapping.h"
#include "recording/format.h"

namespace viaduct::replay {

/// Bytes that the replay's GPU has written otherwise than the recording's.
struct Difference {
    uint64_t offset = 0;  // of the first
    uint64_t bytes = 0;   // how many
    std::byte recorded{};
    std::byte replayed{};  // the first one's values
};

class ReplayedMemory {
  public:
    /// `actual` outlives this.
    static Result<ReplayedMemory> create(std::span<std::byte> actual);

    uint64_t size() const { return actual_.size(); }
    std::span<std::byte> actual() const { return actual_; }

    /// Gives the buffer these bytes at `offset`, as the recording found them; they must be within
    /// it. A difference: what the GPU should have written, and wrote otherwise.
    ///
    /// After a fence, a byte that this GPU has left alone may be the work of the guest's processor
    /// just as well: it is written, and counted in `unexplained`.
    std::optional<Difference> apply(uint64_t offset, std::span<const std::byte> bytes,
                                    recording::Found found);
    uint64_t unexplained() const { return unexplained_; }

    /// Compares all of it.
    std::optional<Difference> compare() const;

  private:
    ReplayedMemory(std::span<std::byte> actual, Mapping expected)
        : actual_(actual), expected_(std::move(expected)) {}

    std::span<std::byte> actual_;
    Mapping expected_;  // the recording's bytes
    uint64_t unexplained_ = 0;
};

}  // namespace viaduct::replay
