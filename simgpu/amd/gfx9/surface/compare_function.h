// The comparison that depth tests, stencil tests and depth textures share.
#pragma once

namespace simgpu::gfx9 {

/// ZFUNC, STENCILFUNC, DEPTH_COMPARE_FUNC: never, less, equal, less or equal, greater, not equal,
/// greater or equal, always. A NaN is equal to nothing, so it passes "not equal" and "always".
template <class T>
bool passes(unsigned function, T value, T reference) {
    constexpr unsigned kLess = 1, kEqual = 2, kGreater = 4, kNotEqual = 5, kAlways = 7;
    if (function == kAlways) return true;
    if (function == kNotEqual) return value != reference;
    return (function & kLess && value < reference) || (function & kEqual && value == reference) ||
           (function & kGreater && value > reference);
}

}  // namespace simgpu::gfx9
