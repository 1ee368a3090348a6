// Picture: a console's picture as QEMU describes it, unchecked.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/unique_fd.h"

namespace viaduct::viewer {

/// A description with the descriptors that it needs. Any field may have any value.
struct Picture {
    std::vector<UniqueFd> buffers;  // in the order of the message
    uint32_t x = 0;                 // the part of the buffer that is shown
    uint32_t y = 0;
    uint32_t width = 0;
    uint32_t height = 0;
    std::vector<uint32_t> offsets;
    std::vector<uint32_t> strides;
    uint32_t fourcc = 0;
    uint32_t backing_width = 0;  // the whole buffer
    uint32_t backing_height = 0;
    uint64_t modifier = 0;
    bool bottom_up = false;
    /// A file of memory rather than a dma-buf, which the VMM itself may shrink.
    bool plain_memory = false;
};

/// Bytes of a picture that came by value.
struct Pixels {
    uint32_t width = 0;
    uint32_t height = 0;
    uint32_t stride = 0;
    uint32_t pixman_format = 0;
    std::span<const std::byte> bytes;
};

}  // namespace viaduct::viewer
