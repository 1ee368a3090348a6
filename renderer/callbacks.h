// The VMM's callback table, read with respect for its version.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "renderer/abi/virglrenderer.h"

namespace viaduct {

/// A VMM's callbacks and the cookie it wants back. The table is the VMM's and outlives this; a
/// member is read only if the table's version covers it, and called only if it is not null.
class Callbacks {
  public:
    Callbacks() = default;
    Callbacks(void* cookie, const virgl_renderer_callbacks* table)
        : cookie_(cookie), table_(table) {}

    static bool acceptable(const virgl_renderer_callbacks* table) {
        return table && table->version >= 1 && table->version <= VIRGL_RENDERER_CALLBACKS_VERSION;
    }

    bool valid() const { return table_ != nullptr; }
    void* cookie() const { return cookie_; }
    int version() const { return table_ ? table_->version : 0; }
    const virgl_renderer_callbacks* table() const { return table_; }

    bool has_context_fences() const { return version() >= 3 && table_->write_context_fence; }
    bool has_drm_fd() const { return version() >= 2 && table_->get_drm_fd; }
    bool has_server_fd() const { return version() >= 3 && table_->get_server_fd; }
    bool has_egl_display() const { return version() >= 4 && table_->get_egl_display; }

    void write_fence(uint32_t id) const {
        if (valid() && table_->write_fence) table_->write_fence(cookie_, id);
    }
    void write_context_fence(ContextId ctx_id, RingIndex ring_idx, FenceId fence_id) const {
        if (has_context_fences())
            table_->write_context_fence(cookie_, ctx_id.value(), ring_idx.value(),
                                        fence_id.value());
    }
    /// A new descriptor that the caller owns, or -1.
    int get_drm_fd() const { return has_drm_fd() ? table_->get_drm_fd(cookie_) : -1; }
    /// The EGLDisplay that the VMM shows guests' frames with, or null.
    void* get_egl_display() const {
        return has_egl_display() ? table_->get_egl_display(cookie_) : nullptr;
    }

    bool operator==(const Callbacks&) const = default;

  private:
    void* cookie_ = nullptr;
    const virgl_renderer_callbacks* table_ = nullptr;
};

}  // namespace viaduct
