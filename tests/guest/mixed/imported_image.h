// A dma-buf that another driver wrote, as GL sees it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/unique_fd.h"

namespace viaduct::gles {

/// A linear picture of 32-bit pixels: red, green, blue, alpha from the lowest address on.
struct Picture {
    uint32_t width = 0;   // pixels
    uint32_t height = 0;  // pixels
    uint32_t stride = 0;  // bytes

    size_t bytes() const { return static_cast<size_t>(stride) * height; }
};

/// Imports `memory` as a texture of the current context and reads its pixels through it. Throws
/// gles::Error.
std::vector<std::byte> read_imported(const Picture& picture, const UniqueFd& memory);

}  // namespace viaduct::gles
