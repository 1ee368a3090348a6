// Presenter: shows frames in a window of a Wayland compositor, without a copy where it can.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "display/frame.h"
#include "display/wayland/buffer_cache.h"
#include "display/wayland/clipboard.h"
#include "display/wayland/connection.h"
#include "display/wayland/explicit_sync.h"
#include "display/wayland/feedback.h"
#include "display/wayland/globals.h"
#include "display/wayland/gpu_copies.h"
#include "display/wayland/presentation_feedbacks.h"
#include "display/wayland/seat.h"
#include "display/wayland/shm_copies.h"
#include "display/wayland/sync_trust.h"
#include "display/wayland/watches.h"
#include "display/wayland/window.h"

namespace viaduct::wayland {

/// Events of a presenter, from within dispatch(). A frame that present() has accepted ends with
/// exactly one of shown() and dropped(), and with exactly one released(). A lost connection
/// releases, and no more.
class PresenterListener {
  public:
    virtual ~PresenterListener() = default;
    /// A frame that is presented now will be committed at once. A hidden window asks for none.
    virtual void frame_wanted() {}
    /// It is the compositor's now. Not for frames that are dropped before.
    virtual void committed(uint64_t /*frame*/) {}
    /// Where the compositor has no presentation-time: when it asks for the next one, of times that
    /// are not known.
    virtual void shown(uint64_t /*frame*/, const ShownFrame& /*when*/) {}
    /// It was not on the screen: a newer one took its place, or it cannot be shown.
    virtual void dropped(uint64_t /*frame*/) {}
    /// The frame's buffers are its producer's again; they are no longer read.
    virtual void released(uint64_t /*frame*/) {}
    /// Pictures should have another size in pixels: the compositor demands it, or has another
    /// scale.
    virtual void resized(WindowSize /*size*/) {}
    virtual void close_requested() {}
    /// The connection is gone. All frames are released; present() fails from now on.
    virtual void lost(const Error& /*error*/) {}
};

/// How frames have fared. A guest's frames are copied by the CPU where `copied` grows, and by the
/// GPU where `blitted` does.
struct PresenterCounts {
    uint64_t zero_copy = 0;  // committed as dma-bufs
    uint64_t blitted = 0;    // committed as the GPU's copies
    uint64_t copied = 0;     // committed as the CPU's copies
    uint64_t copied_bytes = 0;
    uint64_t superseded = 0;  // a newer one came before they were committed
    uint64_t refused = 0;     // cannot be shown in any way
    uint64_t imports = 0;     // dma-bufs that the compositor was asked to import
    uint64_t failed_imports = 0;
    uint64_t explicit_points =
        0;  // of zero_copy and blitted, those with acquire and release points
};

/// Everything on one thread, driven by the caller's loop: poll fd(), then call dispatch(). Neither
/// that nor present() waits for the compositor, or for a frame's fences. PresenterThread also keeps
/// from its caller what is left: a copy by the CPU is work, DMA_BUF_IOCTL_SYNC waits for a GPU that
/// goes on writing, and to open or close the GPU's node may wake the GPU, or wait for it.
class Presenter {
  public:
    using OpenSync = std::function<Result<std::unique_ptr<SyncDevice>>(dev_t)>;
    struct Options {
        std::string title = "Viaduct";
        std::string app_id = "viaduct";
        bool fullscreen = false;
        /// Opens the GPU's node for explicit synchronisation.
        OpenSync open_sync = [](dev_t device) { return SyncDevice::open(device); };
        /// Opens the compositor's GPU to copy frames that the compositor cannot import; empty:
        /// those are copied by the CPU. Called on a thread of the presenter's.
        gpu_copy::OpenCopier open_copier;
        /// Not null.
        std::shared_ptr<SyncTrust> sync_trust = SyncTrust::of_process();
        /// Called with counts(), from within dispatch(), before the listener gets events.
        std::function<void(const PresenterCounts&)> before_events = [](const PresenterCounts&) {};
        /// Takes the window's input events, from within dispatch(). Borrowed; null: nobody does.
        SeatListener* input = nullptr;
        /// With `input`: other programs' selections, while the window has the keyboard. Empty: they
        /// are not read.
        Clipboard::Offered selection_changed;
        bool sets_selection = false;  // clipboard() will be used
    };

    /// `listener` is borrowed, and called on the thread that calls dispatch().
    Presenter(std::unique_ptr<Connection> connection, Options options, PresenterListener& listener);
    ~Presenter();
    Presenter(const Presenter&) = delete;
    Presenter& operator=(const Presenter&) = delete;

    /// Readable (poll, epoll) when dispatch() has something to do.
    int fd() const { return watches_.fd(); }
    /// Handles what has come. The listener may call present() from within, but not dispatch(), and
    /// must not destroy the presenter.
    void dispatch();
    /// Shows a frame as soon as the compositor asks for one; of those that wait, the newest. Events
    /// name it by `number`, the caller's, which no frame has that is not released yet. ENOTCONN:
    /// the connection is lost; the frame was not accepted.
    Status present(Frame frame, uint64_t number);
    /// The caller left frames out: the next one has changed anywhere, whatever its damage is.
    void frames_skipped() { skipped_ = true; }
    /// Releases all frames and reports lost(), unless it has: for an owner that cannot go on.
    void abandon(const Error& error);

    const PresenterCounts& counts() const { return counts_; }
    /// Why a frame was refused last; empty: none was.
    const std::string& last_refusal() const { return last_refusal_; }
    /// The size in pixels for pictures to have; 0x0: any.
    WindowSize size() const { return window_ ? window_->wanted() : WindowSize(); }
    /// The window's size in the surface's coordinates, in which input events come; 0x0: not shown.
    WindowSize surface_size() const { return window_ ? window_->size() : WindowSize(); }
    /// The size in pixels of the picture that the compositor has; 0x0: none yet.
    WindowSize picture_size() const { return window_ ? window_->picture() : WindowSize(); }
    /// Null: there is none, or not yet.
    Seat* seat() { return seat_.get(); }
    /// Null: neither wanted nor offered, or not yet.
    Clipboard* clipboard() { return clipboard_.get(); }
    void set_title(const std::string& title);
    void toggle_fullscreen();
    /// Sends what was requested, of the seat for example; dispatch() does as well.
    void flush();
    /// The formats that can be imported; empty before the compositor has sent them.
    const FormatTable& formats() const { return feedback_.table(); }

  private:
    /// A frame before its commit.
    struct Waiting {
        uint64_t number = 0;
        Frame frame;
        Watches::Id fence = 0;          // being waited for
        bool fence_done = false;        // waited for, or handed on
        bool damage_lost = false;       // a frame between this one and the one before was skipped
        bool copying = false;           // by the GPU; `frame` is on its way
        std::optional<Frame> original;  // `frame` is the GPU's copy of it,
        uint64_t target = 0;            // in this one
    };

    // Life of the connection (presenter.cpp)
    void read_connection();
    void start();
    void formats_changed();
    void start_explicit_sync();
    void stop_explicit_sync(const Error& error);
    void connection_ended(const Error& error);
    void lose(const Error& error);

    // Life of a frame (presenter_frames.cpp)
    bool may_commit() const;
    void advance();
    bool advance_staged();
    bool commit_dmabuf(Buffer& buffer);
    bool commit_copy();
    bool copy_by_gpu();
    void take_gpu_copy();
    void let_go(const Hold& hold);
    bool hand_fence_on(Buffer& buffer);
    void wait_for(UniqueFd fence);
    bool can_copy(const Frame& frame) const;
    void commit(wl_buffer* buffer);
    void set_damage(const Waiting& next);
    void drop_staged(const char* why);
    void buffer_created(Buffer& buffer);
    void buffer_released(Buffer& buffer);
    void when_readable(UniqueFd fd, const Watches::Ready& ready);

    // Events for the listener wait until nothing else is under way.
    void post(std::function<void(PresenterListener&)> event);
    void post_shown(uint64_t frame, const ShownFrame& when);
    void post_dropped(uint64_t /*frame*/);
    void post_released(uint64_t /*frame*/);
    void deliver();

    PresenterListener& listener_;
    Options options_;
    std::deque<std::function<void(PresenterListener&)>> events_;
    UniqueFd kick_;  // an eventfd: events wait
    LogLimiter log_;
    PresenterCounts counts_;
    std::string last_refusal_;

    std::unique_ptr<Connection> connection_;
    Watches watches_;
    Watches::Id connection_watch_ = 0;
    // Objects of the connection, the last ones the first to go.
    Globals globals_;
    Feedback feedback_;
    std::unique_ptr<Window> window_;
    std::unique_ptr<Seat> seat_;
    std::unique_ptr<Clipboard> clipboard_;
    std::unique_ptr<ExplicitSync> explicit_sync_;
    std::unique_ptr<ShmCopies> copies_;
    std::unique_ptr<GpuCopies> gpu_copies_;
    BufferCache cache_;
    Callback frame_callback_;  // outstanding: it is too early for another frame
    std::unique_ptr<PresentationFeedbacks> feedbacks_;

    std::optional<Waiting> staged_;   // the next to be committed
    std::optional<Waiting> pending_;  // the newest one behind it
    uint64_t committed_ = 0;          // the last one
    std::vector<uint64_t> unreleased_;
    bool damage_lost_ = true;  // a frame was dropped since the last commit
    bool skipped_ = false;     // a frame was skipped since the last present()
    std::optional<WindowSize> last_size_;
};

}  // namespace viaduct::wayland
