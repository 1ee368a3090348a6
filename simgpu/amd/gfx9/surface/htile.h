// HTILE: the dword of metadata about 8x8 pixels of a depth and stencil buffer.
#pragma once

#include <cstdint>

namespace simgpu::gfx9 {

/// Z only:  MaxZ 31:18, MinZ 17:4, ZMask 3:0.
/// With stencil:  ZRange 31:12, SMem 9:8, SResults 7:4, ZMask 3:0; the upper part of ZRange is
/// MaxZ. (radv_get_htile_initial_value() in Mesa.) What is written here is expanded: a range that
/// is as large as can be, and unknown results of stencil tests.
class HtileWord {
  public:
    explicit constexpr HtileWord(uint32_t word) : word_(word) {}

    constexpr uint32_t word() const { return word_; }
    constexpr bool depth_cleared() const { return (word_ & 0xf) == 0; }
    constexpr bool depth_expanded() const { return (word_ & 0xf) == 0xf; }
    constexpr bool stencil_cleared() const { return (word_ >> 8 & 3) == 0; }
    constexpr bool stencil_expanded() const { return (word_ >> 8 & 3) == 3; }
    /// The upper end of the range, of 14 bits: what texture units take for the clear value, which
    /// they know no better.
    constexpr uint32_t max_z() const { return word_ >> 18; }
    static constexpr uint32_t kGreatestZ = 0x3fff;

    constexpr HtileWord with_expanded_depth(bool has_stencil) const {
        return HtileWord(has_stencil ? (word_ & 0xff0) | 0xfffff00f : 0xfffc000f);
    }
    constexpr HtileWord with_expanded_stencil() const { return HtileWord(word_ | 0x3f0); }

  private:
    uint32_t word_;
};

}  // namespace simgpu::gfx9
