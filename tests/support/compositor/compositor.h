// A compositor for tests: refuses what real ones refuse, and does all else only when it is told to.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "blob/mapped_files.h"
#include "display/wayland/format_table.h"

struct wl_client;
struct wl_display;
struct wl_resource;

namespace viaduct::test {

struct CompositorOffers {
    int dmabuf = 4;  // version; 0: not offered
    bool syncobj = false;
    bool takes_timelines = true;  // false: an import ends the connection
    bool viewporter = true;
    bool fractional_scale = false;
    bool presentation = true;
    bool xdg_shell = true;
    bool seat = false;  // with all devices, and what grabs need
    dev_t main_device = 0x1234;
    std::vector<wayland::Tranche> tranches;  // of linux-dmabuf
    uint32_t clock = 1;                      // CLOCK_MONOTONIC
};

/// A dma-buf as a client has described it.
struct ServerBuffer {
    struct Plane {
        UniqueFd memory;
        FileId file;
        uint32_t offset = 0;
        uint32_t stride = 0;
    };
    wl_resource* resource = nullptr;  // null: destroyed
    int32_t width = 0;
    int32_t height = 0;
    uint32_t fourcc = 0;
    uint64_t modifier = 0;
    std::vector<Plane> planes;
};

/// A point on a timeline.
struct ServerPoint {
    FileId timeline;
    uint64_t point = 0;
    bool operator==(const ServerPoint&) const = default;
};

struct ServerCommit {
    bool attached = false;  // a buffer, of either kind
    wl_resource* buffer = nullptr;
    ServerBuffer* dmabuf = nullptr;  // null: shared memory
    std::vector<uint32_t> pixels;    // of shared memory
    std::vector<std::vector<int32_t>> damage;
    int32_t transform = 0;
    std::vector<int32_t> destination;  // of the viewport; empty: unset
    std::optional<ServerPoint> acquire;
    std::optional<ServerPoint> release;
};

/// The devices of the client's seat (compositor_seat.cpp). Null: not bound.
struct ServerSeat {
    wl_resource* keyboard = nullptr;
    wl_resource* pointer = nullptr;
    wl_resource* touch = nullptr;
    wl_resource* relative = nullptr;
    int locks = 0;                  // of the pointer, that live
    int inhibitors = 0;             // of the compositor's shortcuts, that live
    wl_resource* cursor = nullptr;  // the surface that the pointer shows; null: none
    int cursors_set = 0;
    std::vector<int32_t> cursor_size;  // of its viewport; empty: its buffer's
    std::vector<int32_t> hot_spot;
    uint32_t serial = 100;

    void send_keymap(const std::string& text) const;
    void send_key(uint32_t evdev, bool pressed);
    void send_keyboard_enter(wl_resource* surface);
    void send_keyboard_leave(wl_resource* surface);
    void send_enter(wl_resource* surface, double x, double y);
    void send_leave(wl_resource* surface);
    void send_motion(double x, double y) const;
    void send_relative(double dx, double dy) const;
    void send_button(uint32_t evdev, bool pressed);
    /// A wheel as version 8 reports it, with the older event's distance.
    void send_wheel(uint32_t axis, int32_t parts) const;
    /// A touch pad: a distance only.
    void send_distance(uint32_t axis, double distance) const;
    void send_pointer_frame() const;
    void send_touch_down(wl_resource* surface, int32_t id, double x, double y);
    void send_touch_motion(int32_t id, double x, double y) const;
    void send_touch_up(int32_t id);
    void send_touch_cancel() const;
};

/// The client's clipboard (compositor_selection.cpp).
struct ServerSelection {
    wl_resource* device = nullptr;   // null: not bound
    wl_resource* source = nullptr;   // what the client has set; null: nothing
    std::vector<std::string> types;  // of the source
    uint32_t serial = 0;             // that it was set with
    /// Requests of the client for what was offered: where it wants which type.
    std::vector<std::pair<std::string, UniqueFd>> wanted;
    int offers = 0;  // that live

    /// Another client's selection; no types: none.
    void offer(const std::vector<std::string>& types);
    /// Something is dragged over the window and dropped.
    void drag(wl_resource* surface, const std::vector<std::string>& types);
    /// Reads the client's selection: the end of a pipe.
    UniqueFd read(const std::string& type) const;
    /// Another client has set the selection.
    void cancel() const;
};

/// Runs on the test's own thread: everything happens within turn(). One client with one window.
class Compositor {
  public:
    explicit Compositor(CompositorOffers offered = {});
    ~Compositor();
    Compositor(const Compositor&) = delete;
    Compositor& operator=(const Compositor&) = delete;

    /// The client's end of a new connection.
    UniqueFd connect();
    /// Accepts connections at a bound socket.
    void listen(UniqueFd socket);
    /// Readable when turn() has something to do.
    int fd() const;
    /// Handles the client's requests, and sends what there is to send.
    void turn();
    /// Ends the connection, as a compositor that crashes.
    void disconnect();

    // Events
    void configure(int32_t width, int32_t height, std::vector<uint32_t> states = {});
    void close_window();
    /// The window's, in parts of 120.
    void send_scale(uint32_t parts);
    void send_frame_done();
    void send_presented(uint64_t seconds, uint32_t nanoseconds, uint32_t refresh, uint32_t flags);
    void send_discarded();
    void release(wl_resource* buffer);
    void send_feedback(const std::vector<wayland::Tranche>& tranches);
    /// Answers the oldest request for a dma-buf that was held back.
    void answer_import();

    bool accept_imports = true;
    bool hold_imports = false;

    // Requests of the client
    std::vector<ServerCommit> commits;
    std::vector<std::unique_ptr<ServerBuffer>> buffers;  // in the order of their creation
    int imports = 0;
    int timelines = 0;
    int syncobj_surfaces = 0;
    std::string title;
    bool fullscreen = false;      // the client's wish
    std::vector<int32_t> source;  // of the viewport; empty: unset
    ServerSeat seat;
    ServerSelection selection;
    std::string error;  // why the client was refused
    int alive_buffers() const;

    // State, for the files of this folder.
    void refuse(wl_resource* resource, uint32_t code, const char* why);
    void apply_commit();
    CompositorOffers offers;
    wl_display* display = nullptr;
    wl_client* client = nullptr;
    wl_resource* surface = nullptr;
    wl_resource* xdg_surface = nullptr;
    wl_resource* toplevel = nullptr;
    wl_resource* fractional_scale = nullptr;
    wl_resource* syncobj_surface = nullptr;
    std::deque<wl_resource*> frame_callbacks;
    std::deque<wl_resource*> feedbacks;
    std::deque<wl_resource*> held_imports;
    std::vector<wl_resource*> dmabuf_feedbacks;
    ServerCommit pending;
    std::vector<int32_t> destination;
    int32_t transform = 0;
    std::vector<int32_t> exact_size;  // of a maximised or fullscreen window
    bool acknowledged = false;
    bool has_window = false;
    uint32_t serial = 0;
};

/// The globals of linux-dmabuf and linux-drm-syncobj (compositor_buffers.cpp).
void offer_buffers(Compositor& compositor);
/// wl_seat, and what grabs need (compositor_seat.cpp).
void offer_seat(Compositor& compositor);
/// wl_data_device_manager (compositor_selection.cpp).
void offer_selection(Compositor& compositor);
/// Null: not a dma-buf.
ServerBuffer* dmabuf_of(wl_resource* buffer);
void destroy_resource(wl_client* client, wl_resource* resource);
inline Compositor& compositor_of(void* data) {
    return *static_cast<Compositor*>(data);
}

}  // namespace viaduct::test
