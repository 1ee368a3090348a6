// Pictures as PNG files.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace viaduct::demo {

/// Writes rows of 0xAABBGGRR pixels; false (errno or libpng's message on stderr) if it cannot.
bool write_png(const std::string& path, uint32_t width, uint32_t height,
               std::span<const uint32_t> pixels);

}  // namespace viaduct::demo
