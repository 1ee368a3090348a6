// Globals: the compositor's interfaces, each at the version that this presenter speaks.
#pragma once

#include <functional>
#include <set>

#include "base/result.h"
#include "display/wayland/protocol.h"

namespace viaduct::wayland {

/// Binds what the registry offers. Null: not offered.
class Globals {
  public:
    /// `complete` is called when the registry has sent all that is there.
    Globals(wl_display* display, std::function<void()> complete);
    Globals(const Globals&) = delete;
    Globals& operator=(const Globals&) = delete;

    /// ENOTSUP: something without which nothing can be shown is missing; the message names it.
    Status check() const;
    uint32_t dmabuf_version() const;
    bool has_shm_format(uint32_t fourcc) const { return shm_formats_.contains(fourcc); }
    /// Binds the first seat; several are not for virtual machines. Not before its listener is at
    /// hand: it reports its devices at once. False: there is none.
    bool bind_seat();
    /// True if presentation times are of CLOCK_MONOTONIC.
    bool monotonic() const { return monotonic_; }

    Compositor compositor;
    Shm shm;
    WmBase wm_base;
    LinuxDmabuf dmabuf;
    Viewporter viewporter;
    FractionalScaleManager fractional_scales;
    Presentation presentation;
    SyncobjManager syncobj;
    WlSeat seat;  // after bind_seat()
    DataDeviceManager data_devices;
    PointerConstraints constraints;
    RelativePointerManager relative_pointers;
    ShortcutsInhibitManager shortcuts;

  private:
    static const wl_registry_listener kRegistryListener;
    static const wl_callback_listener kCallbackListener;
    static const xdg_wm_base_listener kWmBaseListener;
    static const wl_shm_listener kShmListener;
    static const wp_presentation_listener kPresentationListener;
    void bind(uint32_t name, const char* interface, uint32_t version);

    std::function<void()> complete_;
    Registry registry_;
    Callback done_;
    uint32_t seat_name_ = 0;
    uint32_t seat_version_ = 0;       // 0: not offered
    std::set<uint32_t> shm_formats_;  // drm_fourcc.h
    bool monotonic_ = false;
};

}  // namespace viaduct::wayland
