// A console's picture in a file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "display/frame.h"
#include "display/viewer/qmp.h"

namespace viaduct::viewer {

/// Red, green and blue of a linear frame of one plane, a byte each, top row first. ENOTSUP: a
/// layout or format that the CPU cannot read.
Result<std::vector<uint8_t>> rgb_of(const Frame& frame);

/// Writes a PNG.
Status write_png(const std::string& file, uint32_t width, uint32_t height,
                 const std::vector<uint8_t>& rgb);

/// Waits for the first complete picture of a console (the first with pictures, or `only`), up to
/// `patience` ns, and returns it. `connect_bus` as in Viewer.
Result<Frame> take_picture(const std::function<Result<Connecting>(wayland::Watches&)>& connect_bus,
                           bool has_daemon, std::optional<uint32_t> only, int64_t patience);

}  // namespace viaduct::viewer
