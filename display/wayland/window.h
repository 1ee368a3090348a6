// Window: the surface of a toplevel, and its size.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "display/frame.h"
#include "display/wayland/globals.h"
#include "display/wayland/protocol.h"
#include "display/wayland/scale.h"

namespace viaduct::wayland {

/// A size, in pixels or in the surface's coordinates; 0: not set.
struct WindowSize {
    int32_t width = 0;
    int32_t height = 0;
    bool operator==(const WindowSize&) const = default;
};

/// A toplevel window. Its picture is scaled to the size that the compositor demands, where the
/// compositor has viewports. If it also has fractional scales, sizes in pixels differ from those in
/// the surface's coordinates, and a picture of the wanted size has a pixel for each of the screen.
class Window {
  public:
    struct Events {
        /// After every configure, already acknowledged, and after each change of the scale.
        std::function<void()> configured;
        std::function<void()> close_requested;
    };

    struct Look {
        std::string title;
        std::string app_id;
        bool fullscreen = false;  // asked for at once
    };

    Window(const Globals& globals, const Look& look, Events events);
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;

    void set_title(const std::string& title) {
        xdg_toplevel_set_title(toplevel_.get(), title.c_str());
    }
    /// Asks to be full screen, or not to be any more.
    void toggle_fullscreen();
    wl_surface* surface() const { return surface_.get(); }
    /// True once a buffer may be attached (xdg_surface: after the first configure).
    bool configured() const { return configured_; }
    /// The size in pixels for pictures to have, as the compositor demands it; 0x0: any.
    WindowSize wanted() const;
    /// Of this window on its screen.
    Scale scale() const { return scale_; }
    /// True if a buffer of this size may be shown: one that exceeds a maximised or fullscreen
    /// window, and cannot be scaled, is an error that ends the connection.
    bool fits(WindowSize buffer) const;
    /// True if a part of a buffer can be shown.
    bool can_crop() const { return viewport_ != nullptr; }
    /// Attaches the frame's buffer and commits it, with what the caller has set on the surface.
    void commit(wl_buffer* buffer, const Frame& frame);
    /// The surface's size in its own coordinates: what the compositor demands, or the picture's.
    WindowSize size() const;
    /// The size of the last frame that was committed, in pixels; 0x0: none was.
    WindowSize picture() const { return picture_; }

  private:
    static const xdg_surface_listener kSurfaceListener;
    static const xdg_toplevel_listener kToplevelListener;
    static const wp_fractional_scale_v1_listener kScaleListener;
    void configure(uint32_t serial);
    void set_scale(Scale scale);
    void set_destination();
    bool size_demanded() const { return wanted_.width > 0 && wanted_.height > 0; }
    void crop(const Frame& frame);

    Events events_;
    Surface surface_;
    XdgSurface xdg_surface_;
    Toplevel toplevel_;
    Viewport viewport_;
    FractionalScale fractional_scale_;
    Scale scale_;
    WindowSize announced_;  // by xdg_toplevel.configure, until xdg_surface.configure completes it
    bool announced_exact_ = false;
    bool fullscreen_ = false;
    WindowSize wanted_;   // in the surface's coordinates
    bool exact_ = false;  // maximised or fullscreen: not to be exceeded
    bool configured_ = false;
    bool shown_ = false;
    bool bottom_up_ = false;
    bool cropped_ = false;
    WindowSize picture_;  // of the last frame
};

}  // namespace viaduct::wayland
