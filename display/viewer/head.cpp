#include "display/viewer/head.h"

#include <algorithm>
#include <utility>

namespace viaduct::viewer {

namespace {

wayland::PresenterCounts sum(wayland::PresenterCounts counts, const wayland::PresenterCounts& by) {
    using Counts = wayland::PresenterCounts;
    for (const auto member : {&Counts::zero_copy, &Counts::blitted, &Counts::copied,
                              &Counts::copied_bytes, &Counts::superseded, &Counts::refused,
                              &Counts::imports, &Counts::failed_imports, &Counts::explicit_points})
        counts.*member += by.*member;
    return counts;
}

}  // namespace

Head::Head(wayland::Watches& watches, Options options)
    : watches_(watches),
      options_(std::move(options)),
      title_(options_.window.title),
      input_({
          .grab =
              [this](bool wanted) {
                  if (presenter_ && presenter_->seat()) presenter_->seat()->grab(wanted);
                  set_title(title_);
              },
          .can_lock =
              [this] { return presenter_ && presenter_->seat() && presenter_->seat()->can_lock(); },
          .toggle_fullscreen =
              [this] {
                  if (presenter_) presenter_->toggle_fullscreen();
              },
          .surface =
              [this] {
                  const auto size = presenter_ ? presenter_->surface_size() : wayland::WindowSize();
                  return input::Input::Size{static_cast<double>(size.width),
                                            static_cast<double>(size.height)};
              },
          .picture =
              [this] {
                  return input::Input::Size{static_cast<double>(scanout_.width()),
                                            static_cast<double>(scanout_.height())};
              },
      }),
      cursor_(wayland::arrow_cursor()) {}

Head::~Head() {
    close_window();
}

Status Head::open() {
    auto connection = options_.connect();
    opened_at_ = options_.clock();
    if (!connection) {
        retry_at_ = opened_at_ + kRetry;
        return tl::unexpected(connection.error());
    }
    auto window = options_.window;
    window.title = title_;
    window.input = &input_;
    presenter_ =
        std::make_unique<wayland::Presenter>(*std::move(connection), std::move(window), *this);
    watch_ = watches_.add(presenter_->fd(), [] {});
    lost_ = false;
    cursor_changed_ = true;
    present({});
    return {};
}

void Head::close_window() {
    if (watch_) watches_.remove(std::exchange(watch_, 0));
    if (presenter_) {
        counts_ = sum(counts_, presenter_->counts());
        if (!presenter_->last_refusal().empty()) why_unshown_ = presenter_->last_refusal();
    }
    presenter_.reset();
}

void Head::connect(input::GuestInput* guest, std::function<void(uint32_t, uint32_t)> ask_size) {
    hold_.release_all();
    input_.connect(guest);
    ask_size_ = std::move(ask_size);
    sizes_.restart(options_.clock());
    last_refusal_.clear();
}

void Head::set_title(const std::string& title) {
    title_ = title;
    if (!presenter_) return;
    presenter_->set_title(input_.title(title));
}

void Head::guest_copied(const std::optional<std::string>& text) {
    wayland::Clipboard* clipboard = presenter_ ? presenter_->clipboard() : nullptr;
    if (!clipboard) return;
    if (!text)
        clipboard->clear();
    else if (const uint32_t serial = presenter_->seat()->keyboard_serial())
        clipboard->set(*text, serial);
    presenter_->flush();
}

void Head::turn() {
    if (lost_) close_window();
    const int64_t now = options_.clock();
    if (!presenter_ && now >= retry_at_) std::ignore = open();
    if (presenter_) {
        presenter_->dispatch();
        apply_cursor();
        if (presenter_->clipboard()) presenter_->clipboard()->expire(now);
    }
    input_.input_frame();
    if (memory_changes_.due() <= now) present(memory_changes_.take());
    hold_.expire(now);
    if (scanout_.dark_at() <= now) {
        auto dark = scanout_.dark_frame();
        if (dark && presenter_) std::ignore = presenter_->present(*std::move(dark), ++number_);
    }
    if (const auto size = sizes_.take(now)) {
        if (ask_size_)
            ask_size_(size->width, size->height);
        else
            sizes_.answered();
    }
    if (presenter_) presenter_->dispatch();
}

int64_t Head::deadline() const {
    int64_t first = std::min(hold_.deadline(), scanout_.dark_at());
    first = std::min({first, sizes_.deadline(), memory_changes_.due()});
    if (!presenter_ || lost_) first = std::min(first, retry_at_);
    if (presenter_ && presenter_->clipboard())
        first = std::min(first, presenter_->clipboard()->deadline());
    return first;
}

std::string Head::stats_line() {
    const bool here = presenter_ && !presenter_->last_refusal().empty();
    return stats_.line(presenter_ ? sum(counts_, presenter_->counts()) : counts_,
                       here ? presenter_->last_refusal() : why_unshown_, hold_.counts(),
                       scanout_.copied_bytes());
}

// A line for each refusal, but not for the same one again and again.
Status Head::judge(const Status& status) {
    if (status) {
        last_refusal_.clear();
        return status;
    }
    stats_.refused(status.error().message);
    if (std::exchange(last_refusal_, status.error().message) != status.error().message)
        log_guest(LogLevel::kWarning, "{}: cannot show a picture: {}", title_,
                  status.error().message);
    return status;
}

// 0: there is nothing to present, or nowhere.
uint64_t Head::present(const std::optional<FrameRect>& damage) {
    if (!presenter_ || lost_) return 0;
    auto frame = scanout_.frame(damage);
    if (!frame) presenter_->frames_skipped();
    if (!frame || !presenter_->present(*std::move(frame), number_ + 1)) return 0;
    stats_.update(++number_, options_.clock());
    return number_;
}

// Shown with the update that follows; but pictures in memory are complete already.
Status Head::scanout(Picture picture) {
    const bool complete = picture.plain_memory;
    const auto status = judge(scanout_.show(std::move(picture)));
    if (status && complete)
        memory_changes_.all_with_update(options_.clock(), hold_.refresh());
    else
        memory_changes_.forget();
    return status;
}

Status Head::scanout(const Pixels& pixels) {
    const auto status = judge(scanout_.show(pixels));
    if (status)
        memory_changes_.all(options_.clock());
    else
        memory_changes_.forget();
    return status;
}

Status Head::pixels_changed(int32_t x, int32_t y, const Pixels& pixels) {
    const auto status = judge(scanout_.change(x, y, pixels));
    if (status) {
        scanout_.wake();
        memory_changes_.part(FrameRect{x, y, static_cast<int32_t>(pixels.width),
                                       static_cast<int32_t>(pixels.height)},
                             options_.clock());
    }
    return status;
}

void Head::update(const FrameRect& damage, UpdateHold::Reply reply) {
    scanout_.wake();
    if (!reply) return memory_changes_.part(damage, options_.clock());
    const uint64_t number = present(damage);
    hold_.hold(number, std::move(reply), options_.clock());
    if (presenter_) presenter_->dispatch();
}

void Head::disable() {
    scanout_.disable(options_.clock());
}

void Head::cursor_set(bool visible) {
    cursor_changed_ |= std::exchange(cursor_visible_, visible) != visible;
}

void Head::cursor_defined(wayland::CursorImage cursor) {
    cursor_ = std::move(cursor);
    cursor_changed_ = true;
}

void Head::apply_cursor() {
    wayland::Seat* seat = presenter_->seat();
    if (!seat || !std::exchange(cursor_changed_, false)) return;
    if (const auto status = seat->set_cursor(cursor_visible_ ? &cursor_ : nullptr); !status)
        log_guest(LogLevel::kWarning, "{}: no cursor: {}", title_, status.error().message);
}

void Head::committed(uint64_t frame) {
    hold_.settle(frame, options_.clock());
}

void Head::dropped(uint64_t frame) {
    stats_.dropped(frame);
    hold_.settle(frame, options_.clock());
}

void Head::shown(uint64_t frame, const wayland::ShownFrame& when) {
    stats_.shown(frame, when);
    hold_.set_refresh(when.refresh_ns);
}

void Head::resized(wayland::WindowSize size) {
    sizes_.resized({static_cast<uint32_t>(size.width), static_cast<uint32_t>(size.height)},
                   options_.clock());
}

void Head::lost(const Error& error) {
    log(LogLevel::kWarning, "{}: {}", title_, error.message);
    lost_ = true;
    input_.keyboard_left();
    input_.pointer_left();
    input_.touches_cancelled();
    // At once, unless this window did not live long.
    retry_at_ = std::max(options_.clock(), opened_at_ + kRetry);
}

}  // namespace viaduct::viewer
