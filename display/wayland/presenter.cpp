#include "display/wayland/presenter.h"

#include <sys/eventfd.h>

namespace viaduct::wayland {

Presenter::Presenter(std::unique_ptr<Connection> connection, Options options,
                     PresenterListener& listener)
    : listener_(listener),
      options_(std::move(options)),
      kick_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      connection_(std::move(connection)),
      globals_(connection_->display(), [this] { start(); }),
      feedback_([this] { formats_changed(); }),
      cache_({[this](Buffer& buffer) { buffer_created(buffer); },
              [this](Buffer& buffer) { buffer_released(buffer); }}) {
    connection_watch_ = watches_.add(connection_->fd(), [this] { read_connection(); });
    watches_.add(kick_.get(), [] {});
    if (!connection_watch_)
        post([](PresenterListener& listener) {
            listener.lost({EMFILE, "no descriptor left to watch the compositor"});
        });
    flush();
}

Presenter::~Presenter() = default;

void Presenter::dispatch() {
    watches_.dispatch();
    advance();
    flush();
    deliver();
}

Status Presenter::present(Frame frame, uint64_t number) {
    if (!connection_watch_) return fail(ENOTCONN, "the connection to the compositor is lost");
    unreleased_.push_back(number);
    bool damage_lost = std::exchange(skipped_, false);
    if (pending_) {
        ++counts_.superseded;
        damage_lost = true;
        post_dropped(pending_->number);
        post_released(pending_->number);
    }
    pending_.emplace(Waiting{number, std::move(frame), 0, false, damage_lost, false, {}, 0});
    advance();
    flush();
    return {};
}

void Presenter::set_title(const std::string& title) {
    options_.title = title;
    if (window_) window_->set_title(title);
    flush();
}

void Presenter::toggle_fullscreen() {
    if (window_) window_->toggle_fullscreen();
    flush();
}

void Presenter::read_connection() {
    if (const auto status = connection_->dispatch(); !status) connection_ended(status.error());
}

void Presenter::flush() {
    if (!connection_watch_) return;
    const auto flushed = connection_->flush();
    if (flushed)
        watches_.want_to_write(connection_watch_, !*flushed);
    else
        connection_ended(flushed.error());
}

// All globals are known.
void Presenter::start() {
    if (const auto status = globals_.check(); !status) return lose(status.error());
    window_ = std::make_unique<Window>(
        globals_, Window::Look{options_.title, options_.app_id, options_.fullscreen},
        Window::Events{
            [this, last = WindowSize()]() mutable {
                if (seat_) seat_->set_scale(window_->scale());
                const WindowSize size = window_->wanted();
                if (size != std::exchange(last, size))
                    post([size](PresenterListener& listener) { listener.resized(size); });
            },
            [this] { post([](PresenterListener& listener) { listener.close_requested(); }); }});
    if (options_.input && globals_.bind_seat())
        seat_ = std::make_unique<Seat>(globals_, window_->surface(), *options_.input);
    if (seat_ && globals_.data_devices && (options_.selection_changed || options_.sets_selection))
        clipboard_ = std::make_unique<Clipboard>(globals_, watches_, options_.selection_changed);
    copies_ = std::make_unique<ShmCopies>(globals_.shm.get(), [] {});
    gpu_copies_ =
        std::make_unique<GpuCopies>(options_.open_copier, watches_, [this] { take_gpu_copy(); });
    if (globals_.presentation)
        feedbacks_ = std::make_unique<PresentationFeedbacks>(
            globals_, [this](uint64_t frame, const std::optional<ShownFrame>& when) {
                if (!when) return post_dropped(frame);
                post_shown(frame, *when);
            });
    if (globals_.dmabuf_version() >= ZWP_LINUX_DMABUF_V1_GET_SURFACE_FEEDBACK_SINCE_VERSION)
        feedback_.listen(DmabufFeedback(
            zwp_linux_dmabuf_v1_get_surface_feedback(globals_.dmabuf.get(), window_->surface())));
    else if (globals_.dmabuf)
        feedback_.listen(globals_.dmabuf.get());
}

void Presenter::formats_changed() {
    cache_.retry_failed();
    gpu_copies_->retry_failed();
    if (feedback_.tables() == 1) start_explicit_sync();
}

void Presenter::start_explicit_sync() {
    const dev_t device = feedback_.table().main_device();
    if (!globals_.syncobj || device == 0 || !options_.sync_trust->given()) return;
    auto opened = options_.open_sync(device);
    if (opened)
        explicit_sync_ = std::make_unique<ExplicitSync>(globals_.syncobj.get(), window_->surface(),
                                                        *std::move(opened));
    else
        log(LogLevel::kInfo, "frames are synchronised implicitly: {}", opened.error().message);
}

// Frames from now on are synchronised by the dma-bufs' own fences.
void Presenter::stop_explicit_sync(const Error& error) {
    log_.log(LogLevel::kWarning, "points", "frames are synchronised implicitly: {}", error.message);
    explicit_sync_.reset();
}

// A connection that ends before a frame with points was shown may have ended for them, too, with a
// compositor that crashes.
void Presenter::connection_ended(const Error& error) {
    const bool refused = connection_->interface_at_fault().starts_with("wp_linux_drm_syncobj_");
    const bool unproven = explicit_sync_ && explicit_sync_->unproven();
    if ((refused || unproven) && options_.sync_trust->withdraw())
        log(LogLevel::kWarning, "windows from now on are synchronised implicitly: {}",
            refused ? error.message
                    : "the connection to the compositor ended before a frame with explicit points "
                      "was shown");
    lose(error);
}

// Objects of the connection stay until the presenter goes; they send nothing any more.
void Presenter::lose(const Error& error) {
    if (!connection_watch_) return;
    watches_.remove(std::exchange(connection_watch_, 0));
    for (const auto& waiting : {std::ref(staged_), std::ref(pending_)})
        if (waiting.get() && waiting.get()->fence) watches_.remove(waiting.get()->fence);
    staged_.reset();
    pending_.reset();
    for (const uint64_t frame : std::exchange(unreleased_, {}))
        post([frame](PresenterListener& listener) { listener.released(frame); });
    post([error](PresenterListener& listener) { listener.lost(error); });
}

void Presenter::post(std::function<void(PresenterListener&)> event) {
    events_.push_back(std::move(event));
    ::eventfd_write(kick_.get(), 1);
}

void Presenter::post_shown(uint64_t frame, const ShownFrame& when) {
    post([frame, when](PresenterListener& listener) { listener.shown(frame, when); });
}

void Presenter::post_dropped(uint64_t frame) {
    post([frame](PresenterListener& listener) { listener.dropped(frame); });
}

void Presenter::post_released(uint64_t frame) {
    if (std::erase(unreleased_, frame) == 0) return;  // released when the connection was lost
    post([frame](PresenterListener& listener) { listener.released(frame); });
}

void Presenter::deliver() {
    while (!events_.empty()) {
        eventfd_t count = 0;
        ::eventfd_read(kick_.get(), &count);
        options_.before_events(counts_);
        for (size_t left = events_.size(); left > 0; --left) {
            const auto event = std::move(events_.front());
            events_.pop_front();
            event(listener_);
        }
    }
}

// Events that came before, and that an exception has held up, are delivered as well.
void Presenter::abandon(const Error& error) {
    lose(error);
    deliver();
}

}  // namespace viaduct::wayland
