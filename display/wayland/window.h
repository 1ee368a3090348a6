// Window: the surface of a toplevel, and its size.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "display/wayland/globals.h"
#include "display/wayland/protocol.h"

namespace viaduct::wayland {

/// A size in the surface's coordinates; 0: not set.
struct WindowSize {
    int32_t width = 0;
    int32_t height = 0;
    bool operator==(const WindowSize&) const = default;
};

/// A toplevel window. Its picture is scaled to the size that the compositor demands, where the
/// compositor has viewports.
class Window {
  public:
    struct Events {
        std::function<void()> configured;  // after every configure, already acknowledged
        std::function<void()> close_requested;
    };

    Window(const Globals& globals, const std::string& title, const std::string& app_id,
           Events events);
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;

    wl_surface* surface() const { return surface_.get(); }
    /// True once a buffer may be attached (xdg_surface: after the first configure).
    bool configured() const { return configured_; }
    /// The size that the compositor demands; 0x0: any.
    WindowSize wanted() const { return wanted_; }
    /// True if a buffer of this size may be shown: one that exceeds a maximised or fullscreen
    /// window, and cannot be scaled, is an error that ends the connection.
    bool fits(WindowSize buffer) const;
    /// Attaches a buffer and commits it, with what the caller has set on the surface.
    void commit(wl_buffer* buffer, bool bottom_up);

  private:
    static const xdg_surface_listener kSurfaceListener;
    static const xdg_toplevel_listener kToplevelListener;
    void configure(uint32_t serial);
    void scale();

    Events events_;
    Surface surface_;
    XdgSurface xdg_surface_;
    Toplevel toplevel_;
    Viewport viewport_;
    WindowSize announced_;  // by xdg_toplevel.configure, until xdg_surface.configure completes it
    bool announced_exact_ = false;
    WindowSize wanted_;
    bool exact_ = false;  // maximised or fullscreen: not to be exceeded
    bool configured_ = false;
    bool shown_ = false;
    bool bottom_up_ = false;
};

}  // namespace viaduct::wayland
