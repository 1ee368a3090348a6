// The sRGB transfer function, as texture and colour units apply it.
#pragma once

#include <cmath>

namespace simgpu::gfx9 {

inline float srgb_to_linear(float value) {
    return value <= 0.04045f ? value / 12.92f : std::pow((value + 0.055f) / 1.055f, 2.4f);
}

/// Clamps to [0, 1]; NaN becomes 0.
inline float linear_to_srgb(float value) {
    if (!(value > 0)) return 0;
    if (value >= 1) return 1;
    return value <= 0.0031308f ? value * 12.92f : 1.055f * std::pow(value, 1 / 2.4f) - 0.055f;
}

}  // namespace simgpu::gfx9
