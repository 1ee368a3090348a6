#include "tools/demo-program/png_file.h"

#include <png.h>

#include <cstdio>

namespace viaduct::demo {

bool write_png(const std::string& path, uint32_t width, uint32_t height,
               std::span<const uint32_t> pixels) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = height;
    image.format = PNG_FORMAT_RGBA;  // bytes in memory: red first
    if (png_image_write_to_file(&image, path.c_str(), 0, pixels.data(), 0, nullptr) != 0)
        return true;
    std::fprintf(stderr, "%s: %s\n", path.c_str(), image.message);
    return false;
}

}  // namespace viaduct::demo
