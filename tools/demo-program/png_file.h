// Pictures as PNG files.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace viaduct::demo {

/// Writes rows of 0xAABBGGRR pixels; false (errno or libpng's message on stderr) if it cannot.
bool write_png(const std::string& path, uint32_t width, uint32_t height,
               std::span<const uint32_t> pixels);

/// Writes all frames to one file: a picture of the first, which programs that support APNG play,
/// ten frames a second, over and over. False like write_png.
bool write_animation(const std::string& path, uint32_t width, uint32_t height,
                     std::span<const std::vector<uint32_t>> frames);

}  // namespace viaduct::demo
