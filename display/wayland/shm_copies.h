// ShmCopies: pictures in shared memory, for frames that the compositor cannot import.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "blob/mapping.h"
#include "display/frame.h"
#include "display/wayland/protocol.h"

namespace viaduct::wayland {

/// A few buffers of one size and format, made anew when frames of another kind come.
class ShmCopies {
  public:
    /// `released` is called when a copy becomes free.
    ShmCopies(wl_shm* shm, std::function<void()> released)
        : shm_(shm), released_(std::move(released)) {}
    ShmCopies(const ShmCopies&) = delete;
    ShmCopies& operator=(const ShmCopies&) = delete;

    /// True if a buffer for such a frame is free, or can be made.
    bool ready(const Frame& frame);
    /// Copies a linear frame of one plane, whose fences have signalled, into a free buffer, which
    /// is the compositor's until it is released. The whole frame is copied: the buffer has an older
    /// picture. After ready() only.
    Result<wl_buffer*> copy(const Frame& frame);

  private:
    struct Copy {
        Mapping memory;
        WlBuffer handle;
        bool busy = false;
    };
    /// The kind of frame that the copies are for.
    struct Kind {
        uint32_t width = 0;
        uint32_t height = 0;
        uint32_t fourcc = 0;
        bool operator==(const Kind&) const = default;
    };
    static const wl_buffer_listener kListener;
    static Kind kind_of(const Frame& frame);
    Copy* free_copy();
    Status make(Copy& copy) const;

    wl_shm* shm_;
    std::function<void()> released_;
    Kind kind_;
    std::array<Copy, 3> copies_;
};

}  // namespace viaduct::wayland
