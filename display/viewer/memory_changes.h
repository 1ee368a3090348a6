// MemoryChanges: what has changed in a picture in memory, until it is shown.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "display/frame.h"

namespace viaduct::viewer {

/// Each time that such a picture is shown costs a copy. So what comes at once is shown at once, as
/// one frame. QEMU announces another picture (ScanoutMap) only when something in it has changed,
/// and waits for the reply before it says what (UpdateMap): the two are one frame as well. Times
/// are in ns of one monotonic clock.
class MemoryChanges {
  public:
    /// Another picture, complete.
    void all(int64_t now) {
        damage_.reset();
        due_ = now;
    }
    /// Another picture, for which an update is to come; it is not waited for longer than
    /// `patience`.
    void all_with_update(int64_t now, int64_t patience) { all(now + patience); }
    /// A part. Several of them, or one of another picture, count as all of it.
    void part(const FrameRect& rect, int64_t now) {
        damage_ = waiting() ? std::nullopt : std::optional(rect);
        due_ = now;
    }
    /// The picture is no longer shown.
    void forget() { due_ = INT64_MAX; }
    /// The part to be shown now; nothing: all of it.
    std::optional<FrameRect> take() {
        forget();
        return std::exchange(damage_, {});
    }

    bool waiting() const { return due_ != INT64_MAX; }
    /// INT64_MAX: never.
    int64_t due() const { return due_; }

  private:
    std::optional<FrameRect> damage_;
    int64_t due_ = INT64_MAX;
};

}  // namespace viaduct::viewer
