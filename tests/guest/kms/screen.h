// Screen: the guest's display, through its kernel's mode setting.
#pragma once

#include <xf86drmMode.h>

#include <cstdint>

#include "base/unique_fd.h"

namespace viaduct::kms {

/// The first connector of /dev/dri/card0, at the wanted size. Throws std::runtime_error.
class Screen {
  public:
    Screen(uint32_t width, uint32_t height);
    ~Screen();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    /// A framebuffer in XRGB8888 of a dma-buf (borrowed) of the same device.
    uint32_t add(int dmabuf, uint32_t stride, uint32_t offset) const;
    /// Shows it; from the second one on by a page flip, whose event is waited for.
    void show(uint32_t framebuffer);

  private:
    UniqueFd card_;
    drmModeModeInfo mode_{};
    uint32_t connector_ = 0;
    uint32_t crtc_ = 0;
    bool shown_ = false;
};

}  // namespace viaduct::kms
