// SizeRequests: the size that a window gives its guest, asked for in moderation.
#pragma once

#include <cstdint>
#include <optional>

namespace viaduct::viewer {

/// While a user drags a window's edge, sizes come by the dozen, and each makes the guest set up its
/// screen anew. A size is asked for when it has stayed for a while, and never before the one
/// asked for last was answered. Times are in ns of one monotonic clock.
class SizeRequests {
  public:
    struct Size {
        uint32_t width = 0;
        uint32_t height = 0;
        bool operator==(const Size&) const = default;
    };
    static constexpr int64_t kQuiet = 100'000'000;

    /// The window has another size. 0x0, which would unplug the guest's screen, is not asked for.
    void resized(Size size, int64_t now) {
        if (size.width == 0 || size.height == 0) return;
        wanted_ = size;
        due_ = now + kQuiet;
    }
    /// The size to ask for now, if there is one.
    std::optional<Size> take(int64_t now) {
        if (now < deadline()) return {};
        due_ = INT64_MAX;
        if (wanted_ == asked_) return {};
        under_way_ = true;
        return asked_ = wanted_;
    }
    /// The guest was asked, or cannot be.
    void answered() { under_way_ = false; }
    /// Another guest is there: what was asked is void.
    void restart(int64_t now) {
        under_way_ = false;
        asked_ = {};
        if (wanted_.width > 0) due_ = now + kQuiet;
    }
    int64_t deadline() const { return under_way_ ? INT64_MAX : due_; }

  private:
    Size wanted_;
    Size asked_;
    int64_t due_ = INT64_MAX;
    bool under_way_ = false;
};

}  // namespace viaduct::viewer
