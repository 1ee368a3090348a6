#include <png.h>
#include <zlib.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "tools/demo-program/png_file.h"

namespace viaduct::demo {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kSignature = 8;       // bytes at the start of a file
constexpr size_t kChunkOverhead = 12;  // length, type, checksum

void append_number(Bytes& to, uint32_t value, size_t bytes = 4) {
    while (bytes-- > 0) to.push_back(static_cast<uint8_t>(value >> 8 * bytes));
}

uint32_t number_at(std::span<const uint8_t> from) {
    return uint32_t{from[0]} << 24 | uint32_t{from[1]} << 16 | uint32_t{from[2]} << 8 | from[3];
}

void append_chunk(Bytes& to, const char* type, const Bytes& data) {
    append_number(to, static_cast<uint32_t>(data.size()));
    const size_t checked = to.size();
    to.insert(to.end(), type, type + 4);
    to.insert(to.end(), data.begin(), data.end());
    const auto length = static_cast<uInt>(to.size() - checked);
    append_number(to, static_cast<uint32_t>(crc32(0, &to[checked], length)));
}

/// A PNG file in memory; empty, with a line on stderr, if libpng fails.
Bytes encode(uint32_t width, uint32_t height, const std::vector<uint32_t>& pixels) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = height;
    image.format = PNG_FORMAT_RGBA;
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    Bytes bytes(size);
    if (png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels.data(), 0, nullptr) == 0) {
        std::fprintf(stderr, "cannot encode a frame: %s\n", image.message);
        return {};
    }
    bytes.resize(size);
    return bytes;
}

/// Calls `found(type, data)` for each chunk of a file that libpng made.
template <typename Function>
void for_each_chunk(std::span<const uint8_t> file, Function found) {
    file = file.subspan(kSignature);
    while (file.size() >= kChunkOverhead) {
        const uint32_t length = number_at(file);
        found(std::string(file.begin() + 4, file.begin() + 8), file.subspan(8, length));
        file = file.subspan(kChunkOverhead + length);
    }
}

/// The chunks of an animation, as the third edition of the PNG specification has them.
class Animation {
  public:
    Animation(uint32_t width, uint32_t height, size_t frames)
        : width_(width), height_(height), frames_(frames) {}

    void add(const Bytes& encoded) {
        const bool first = bytes_.empty();
        if (first) bytes_.assign(encoded.begin(), encoded.begin() + kSignature);
        bool controlled = false;
        for_each_chunk(encoded, [&](const std::string& type, std::span<const uint8_t> data) {
            if (type == "IDAT") {
                if (!controlled) append_chunk(bytes_, "fcTL", frame_control());
                controlled = true;
                add_data(first, data);
            } else if (first && type != "IEND") {
                append_chunk(bytes_, type.c_str(), {data.begin(), data.end()});
                if (type == "IHDR") append_chunk(bytes_, "acTL", animation_control());
            }
        });
    }
    Bytes finish() {
        append_chunk(bytes_, "IEND", {});
        return std::move(bytes_);
    }

  private:
    Bytes animation_control() const {
        Bytes data;
        append_number(data, static_cast<uint32_t>(frames_));
        append_number(data, 0);  // plays without end
        return data;
    }
    Bytes frame_control() {
        Bytes data;
        append_number(data, sequence_++);
        append_number(data, width_);
        append_number(data, height_);
        append_number(data, 0);  // its place
        append_number(data, 0);
        append_number(data, 1, 2);  // a tenth of a second
        append_number(data, 10, 2);
        append_number(data, 0, 2);  // stays until the next, which replaces it
        return data;
    }
    void add_data(bool first, std::span<const uint8_t> data) {
        Bytes content;
        if (!first) append_number(content, sequence_++);
        content.insert(content.end(), data.begin(), data.end());
        append_chunk(bytes_, first ? "IDAT" : "fdAT", content);
    }

    uint32_t width_, height_;
    size_t frames_;
    uint32_t sequence_ = 0;
    Bytes bytes_;
};

}  // namespace

bool write_animation(const std::string& path, uint32_t width, uint32_t height,
                     std::span<const std::vector<uint32_t>> frames) {
    Animation animation(width, height, frames.size());
    for (const std::vector<uint32_t>& frame : frames) {
        const Bytes encoded = encode(width, height, frame);
        if (encoded.empty()) return false;
        animation.add(encoded);
    }
    const Bytes file = animation.finish();
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(file.data()),
              static_cast<std::streamsize>(file.size()));
    if (out.flush()) return true;
    std::fprintf(stderr, "%s: %s\n", path.c_str(), std::strerror(errno));
    return false;
}

}  // namespace viaduct::demo
