// Scale: how many pixels of a picture a unit of the surface's coordinates has.
#pragma once

#include <algorithm>
#include <cstdint>

namespace viaduct::wayland {

/// A fraction with denominator 120 (fractional-scale-v1). 1 without that protocol.
class Scale {
  public:
    constexpr Scale() = default;
    /// 0 parts count as a scale of 1.
    explicit constexpr Scale(uint32_t parts) : parts_(parts == 0 ? kOne : parts) {}
    bool operator==(const Scale&) const = default;

    /// Rounded half away from zero, as compositors do for a toplevel's size. Lengths below 0 do not
    /// occur.
    constexpr int32_t to_pixels(int32_t length) const { return divide(length, parts_, kOne); }
    constexpr int32_t to_surface(int32_t pixels) const { return divide(pixels, kOne, parts_); }

  private:
    static constexpr uint32_t kOne = 120;
    static constexpr int32_t divide(int32_t length, uint32_t by, uint32_t through) {
        const int64_t rounded = (int64_t{length} * by + through / 2) / through;
        return static_cast<int32_t>(std::min<int64_t>(rounded, INT32_MAX));
    }

    uint32_t parts_ = kOne;
};

}  // namespace viaduct::wayland
