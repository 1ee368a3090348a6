// ResponseArea: hands out room in the control buffer for the host's answers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace viaduct::guest {

/// Next-fit allocator over [0, size). An answer's room is taken until its reader gives it back, so
/// that the host never writes a new answer over one that nobody has read yet. The same room is
/// handed out again as late as possible: a host that records a session reads answers behind the
/// guest. Not thread-safe.
class ResponseArea {
  public:
    explicit ResponseArea(uint32_t size);

    uint32_t size() const { return size_; }
    /// Offset of `size` bytes (rounded up to 8), or nothing when no gap is large enough now.
    std::optional<uint32_t> allocate(uint32_t size);
    /// Gives back what allocate() returned for the same `size`.
    void release(uint32_t offset, uint32_t size);

    static constexpr uint32_t round_up(uint32_t size) { return (size + 7) & ~7u; }

  private:
    using Gaps = std::map<uint32_t, uint32_t>;
    uint32_t take(Gaps::iterator gap, uint32_t offset, uint32_t length);

    uint32_t size_;
    uint32_t next_ = 0;  // behind what was handed out last
    Gaps gaps_;          // offset → length, never touching each other
};

}  // namespace viaduct::guest
