#include "display/wayland/clipboard.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"  // with fmt

namespace viaduct::wayland {

namespace {

// Continuation bytes that follow a first byte; 0xff: none begins with it.
uint8_t continuation(uint8_t first) {
    if (first < 0x80) return 0;
    if (first >= 0xc2 && first <= 0xdf) return 1;
    if (first >= 0xe0 && first <= 0xef) return 2;
    if (first >= 0xf0 && first <= 0xf4) return 3;
    return 0xff;
}

// The Unicode Standard, table 3-7: no overlong forms, surrogates, or values above 0x10ffff.
bool valid_second(uint8_t first, uint8_t second) {
    const uint8_t least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const uint8_t most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    return second >= least && second <= most;
}

}  // namespace

bool is_text(std::string_view bytes) {
    for (size_t at = 0; at < bytes.size();) {
        const auto first = static_cast<uint8_t>(bytes[at]);
        const size_t more = continuation(first);
        if (first == 0 || more == 0xff || at + more >= bytes.size()) return false;
        for (size_t i = 1; i <= more; ++i) {
            const auto next = static_cast<uint8_t>(bytes[at + i]);
            if (i == 1 ? !valid_second(first, next) : (next & 0xc0) != 0x80) return false;
        }
        at += more + 1;
    }
    return true;
}

struct ClipboardEvents {
    static Clipboard& clipboard(void* data) { return self<Clipboard>(data); }

    // wl_data_device

    static void data_offer(void* data, wl_data_device*, wl_data_offer* offer) {
        static constexpr wl_data_offer_listener kListener = {
            .offer =
                [](void* data, wl_data_offer*, const char* type) {
                    auto& offer = self<Clipboard::Offer>(data);
                    offer.has_text |= std::strcmp(type, Clipboard::kText) == 0;
                    offer.ours |= type == offer.marker;
                },
            .source_actions = [](void*, wl_data_offer*, uint32_t) {},
            .action = [](void*, wl_data_offer*, uint32_t) {},
        };
        auto introduced = std::make_unique<Clipboard::Offer>();
        introduced->handle.reset(offer);
        introduced->marker = clipboard(data).marker_;
        wl_data_offer_add_listener(offer, &kListener, introduced.get());
        clipboard(data).introduced_ = std::move(introduced);
    }
    static void selection(void* data, wl_data_device*, wl_data_offer* offer) {
        clipboard(data).selection(offer);
    }
    // Things that are dragged over the window are not taken.
    static void enter(void* data, wl_data_device*, uint32_t serial, wl_surface*, wl_fixed_t,
                      wl_fixed_t, wl_data_offer* offer) {
        auto& all = clipboard(data);
        if (!offer || !all.introduced_ || all.introduced_->handle.get() != offer) return;
        all.dragged_ = std::move(all.introduced_);
        wl_data_offer_accept(offer, serial, nullptr);
    }
    static void leave(void* data, wl_data_device*) { clipboard(data).dragged_.reset(); }
    static void motion(void*, wl_data_device*, uint32_t, wl_fixed_t, wl_fixed_t) {}
    static void drop(void* data, wl_data_device*) { clipboard(data).dragged_.reset(); }

    // wl_data_source

    static void target(void*, wl_data_source*, const char*) {}
    static void send(void* data, wl_data_source*, const char* type, int32_t fd) {
        UniqueFd pipe(fd);
        if (std::strcmp(type, Clipboard::kText) == 0) clipboard(data).send(std::move(pipe));
    }
    // Another client has set the selection.
    static void cancelled(void* data, wl_data_source* source) {
        auto& all = clipboard(data);
        if (all.source_.get() == source) all.clear();
    }
    static void drop_performed(void*, wl_data_source*) {}
    static void finished(void*, wl_data_source*) {}
    static void action(void*, wl_data_source*, uint32_t) {}
};

Clipboard::Clipboard(const Globals& globals, Watches& watches, Offered offered)
    : globals_(globals),
      watches_(watches),
      offered_(std::move(offered)),
      marker_(fmt::format("application/x-viaduct-view-{}", ::getpid())),
      device_(
          wl_data_device_manager_get_data_device(globals.data_devices.get(), globals.seat.get())) {
    static constexpr wl_data_device_listener kListener = {
        .data_offer = ClipboardEvents::data_offer,
        .enter = ClipboardEvents::enter,
        .leave = ClipboardEvents::leave,
        .motion = ClipboardEvents::motion,
        .drop = ClipboardEvents::drop,
        .selection = ClipboardEvents::selection,
    };
    wl_data_device_add_listener(device_.get(), &kListener, this);
}

Clipboard::~Clipboard() {
    stop_reading();
    for (const Transfer& transfer : sending_) watches_.remove(transfer.watch);
}

// Null, or the offer that was introduced last. Our own selections come back as well.
void Clipboard::selection(wl_data_offer* offer) {
    stop_reading();
    current_.reset();
    if (introduced_ && introduced_->handle.get() == offer) current_ = std::move(introduced_);
    if (!offered_ || (current_ && current_->ours)) return;
    if (current_ && current_->has_text)
        receive();
    else
        offered_({});
}

void Clipboard::receive() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return offered_({});
    Transfer transfer;
    transfer.pipe = UniqueFd(ends[0]);
    const UniqueFd theirs(ends[1]);  // sent as a duplicate
    // A client that reads it as most do expects it to wait for room.
    ::fcntl(theirs.get(), F_SETFL, ::fcntl(theirs.get(), F_GETFL) & ~O_NONBLOCK);
    wl_data_offer_receive(current_->handle.get(), kText, theirs.get());
    transfer.watch = watches_.add(transfer.pipe.get(), [this] { read(); });
    if (transfer.watch == 0) return offered_({});
    reading_ = std::move(transfer);
}

void Clipboard::read() {
    char bytes[4096];
    const ssize_t got = ::read(reading_->pipe.get(), bytes, sizeof(bytes));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) return end_reading({});
    std::string& text = reading_->received;
    if (got == 0) {
        if (is_text(text)) return end_reading(std::move(text));
        log(LogLevel::kWarning, "the clipboard's text is not UTF-8, and is left out");
        return end_reading({});
    }
    text.append(bytes, static_cast<size_t>(got));
    if (text.size() <= kMostBytes) return;
    log(LogLevel::kWarning, "the clipboard's text is longer than {} bytes, and is left out",
        kMostBytes);
    end_reading({});
}

void Clipboard::stop_reading() {
    if (reading_) watches_.remove(reading_->watch);
    reading_.reset();
}

void Clipboard::end_reading(std::optional<std::string> text) {
    stop_reading();
    offered_(std::move(text));
}

void Clipboard::set(std::string text, uint32_t serial) {
    static constexpr wl_data_source_listener kListener = {
        .target = ClipboardEvents::target,
        .send = ClipboardEvents::send,
        .cancelled = ClipboardEvents::cancelled,
        .dnd_drop_performed = ClipboardEvents::drop_performed,
        .dnd_finished = ClipboardEvents::finished,
        .action = ClipboardEvents::action,
    };
    DataSource source(wl_data_device_manager_create_data_source(globals_.data_devices.get()));
    wl_data_source_add_listener(source.get(), &kListener, this);
    wl_data_source_offer(source.get(), kText);
    wl_data_source_offer(source.get(), marker_.c_str());
    wl_data_device_set_selection(device_.get(), source.get(), serial);
    source_ = std::move(source);  // the one before it goes after it was replaced
    text_ = std::make_shared<const std::string>(std::move(text));
}

void Clipboard::clear() {
    source_.reset();
    text_.reset();
}

// Not more than a pipe takes at once, so that a client which does not read is not waited for.
void Clipboard::send(UniqueFd pipe) {
    if (!text_ || sending_.size() >= kMostSending) return;
    const int flags = ::fcntl(pipe.get(), F_GETFL);
    if (flags < 0 || ::fcntl(pipe.get(), F_SETFL, flags | O_NONBLOCK) != 0) return;
    const auto transfer = sending_.emplace(sending_.end());
    transfer->pipe = std::move(pipe);
    transfer->text = text_;
    transfer->watch = watches_.add(transfer->pipe.get(), [this, transfer] { write(transfer); });
    watches_.want_to_write(transfer->watch, true);
    if (transfer->watch == 0) sending_.erase(transfer);
}

void Clipboard::write(std::list<Transfer>::iterator transfer) {
    const std::string& text = *transfer->text;
    const ssize_t sent =
        ::write(transfer->pipe.get(), text.data() + transfer->sent, text.size() - transfer->sent);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (sent < 0) return end_sending(transfer);
    transfer->sent += static_cast<size_t>(sent);
    if (transfer->sent == text.size()) end_sending(transfer);
}

void Clipboard::end_sending(std::list<Transfer>::iterator transfer) {
    watches_.remove(transfer->watch);
    sending_.erase(transfer);
}

void Clipboard::expire(int64_t now) {
    const auto over = [now](Transfer& transfer) {
        if (transfer.until == 0) transfer.until = now + kPatience;
        return transfer.until <= now;
    };
    if (reading_ && over(*reading_)) end_reading({});
    for (auto transfer = sending_.begin(); transfer != sending_.end();) {
        const auto next = std::next(transfer);
        if (over(*transfer)) end_sending(transfer);
        transfer = next;
    }
}

int64_t Clipboard::deadline() const {
    int64_t first = reading_ ? reading_->until : INT64_MAX;
    for (const Transfer& transfer : sending_) first = std::min(first, transfer.until);
    return first;
}

}  // namespace viaduct::wayland
