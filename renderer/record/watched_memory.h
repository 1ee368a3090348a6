// WatchedMemory: finds what has changed in memory that a guest and the GPU write without a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "renderer/record/memory_view.h"

namespace viaduct {

/// Compares memory with a copy of its own, in which all bytes are 0 at first. Others write at the
/// same time: what changes while it looks is found now or later. Not thread-safe.
class WatchedMemory {
  public:
    /// Bytes that differ from those reported before; the copy has them already.
    using Changed = std::function<void(uint64_t offset, std::span<const std::byte> bytes)>;

    static Result<WatchedMemory> create(MemoryView view);

    /// Reports what has changed since the last call, in order of its place.
    void collect(const Changed& changed);

    /// All of it, where it is one piece; empty for guest memory of several.
    std::span<std::byte> bytes() const;

  private:
    struct Piece {
        std::byte* data;
        uint64_t size;
        uint64_t offset;  // in the resource
    };
    class Runs;

    WatchedMemory(MemoryView view, std::vector<Piece> pieces, Mapping copy)
        : view_(std::move(view)), pieces_(std::move(pieces)), copy_(std::move(copy)) {}
    /// The next bytes from `begin` on, before `end`, that anybody may have written; size 0: none.
    std::pair<uint64_t, uint64_t> next_data(uint64_t begin, uint64_t end) const;
    void compare(const std::byte* now, uint64_t offset, uint64_t size, Runs& runs);

    MemoryView view_;
    std::vector<Piece> pieces_;
    Mapping copy_;
};

}  // namespace viaduct
