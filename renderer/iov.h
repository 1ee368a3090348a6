// Scattered guest memory: what a VMM hands over as iovecs.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace viaduct {

/// More entries than any VMM accepts from a guest: 4 GiB in 4 KiB pages.
inline constexpr size_t kMaxIovecs = size_t{1} << 20;

/// Bytes covered by `iovecs`. Refuses null or empty entries, too many of them, and an overflow.
Result<uint64_t> total_length(const iovec* iovecs, size_t count);

/// Copies to and from scattered memory, front to back: however many pieces are copied, each entry
/// is looked at once.
class IovecCursor {
  public:
    /// `iovecs` is borrowed. Entries may be empty.
    explicit IovecCursor(std::span<const iovec> iovecs) : left_(iovecs) {}

    /// Moves to `offset` bytes from the start of the memory. False if the memory ends before, or
    /// the cursor is beyond already.
    bool seek(uint64_t offset);
    /// Copies from or to where the cursor is, and moves it on. False if the memory ends before;
    /// what there is has been copied then.
    bool read(std::span<std::byte> to);
    bool write(std::span<const std::byte> from);

    /// Entries that are left, the one under the cursor included.
    size_t entries_left() const { return left_.size(); }

  private:
    template <typename Visit>
    bool move_on(uint64_t size, Visit visit);

    std::span<const iovec> left_;
    size_t within_ = 0;      // bytes, of the first entry that is left
    uint64_t position_ = 0;  // bytes, of the whole
};

}  // namespace viaduct
