#include "display/viewer/viewer.h"

#include <poll.h>

#include <algorithm>

#include "base/log.h"

namespace viaduct::viewer {

namespace {

constexpr int64_t kStatsEvery = 1'000'000'000;

}  // namespace

Viewer::Viewer(Options options) : options_(std::move(options)) {
    if (options_.stats) stats_at_ = options_.head.clock() + kStatsEvery;
}

Viewer::~Viewer() = default;

ConsoleUser* Viewer::user_of(uint32_t console, const ConsoleInfo& info, const std::string& vm) {
    if ((options_.only && *options_.only != console) || closed_.contains(console)) return nullptr;
    auto& head = heads_[console];
    if (!head) {
        auto options = options_.head;
        options.window.title = vm;
        options.window.sets_selection = options_.clipboard.from_guest;
        if (options_.clipboard.to_guest)
            options.window.selection_changed = [this](std::optional<std::string> text) {
                if (session_) session_->host_copied(std::move(text));
            };
        head = std::make_unique<Head>(watches_, std::move(options));
        if (const auto status = head->open(); !status && !options_.reconnect)
            failed_ = status.error();
    }
    head->set_title(info.head > 0 ? fmt::format("{} ({})", vm, info.head + 1) : vm);
    return head.get();
}

void Viewer::consoles_known(size_t wanted) {
    told_ = false;
    if (wanted > 0 || options_.reconnect) return;
    failed_ =
        options_.only
            ? Error{ENOENT, fmt::format("the VM has no console {} with a picture", *options_.only)}
            : Error{ENOENT, "the VM has no display"};
}

void Viewer::guest_copied(std::optional<std::string> text) {
    for (auto& [id, head] : heads_) head->guest_copied(text);
}

// Null: under way.
Result<std::unique_ptr<Bus>> Viewer::reach_bus() {
    if (!connecting_) {
        auto begun = options_.connect_bus(watches_);
        if (!begun) return tl::unexpected(begun.error());
        connecting_ = *std::move(begun);
    }
    auto bus = advance(*connecting_, watches_);
    if (!bus || *bus) connecting_.reset();
    return bus;
}

void Viewer::start_session() {
    auto bus = reach_bus();
    if (!bus) {
        if (!options_.reconnect) end(tl::unexpected(bus.error()));
        if (options_.reconnect && !std::exchange(told_, true))
            log(LogLevel::kWarning, "waiting for QEMU: {}", bus.error().message);
        retry_at_ = options_.head.clock() + kRetry;
        return;
    }
    if (!*bus) return;
    session_ = std::make_unique<Session>(*std::move(bus), options_.has_daemon, options_.clipboard,
                                         watches_, *this);
}

bool Viewer::end(Status outcome) {
    if (!over_) outcome_ = std::move(outcome);
    over_ = true;
    return false;
}

void Viewer::close_heads() {
    for (auto entry = heads_.begin(); entry != heads_.end();) {
        if (!entry->second->closed()) {
            ++entry;
            continue;
        }
        closed_.insert(entry->first);
        if (session_) session_->drop(*entry->second);
        entry = heads_.erase(entry);
    }
    if (heads_.empty() && !closed_.empty()) end({});
}

bool Viewer::turn() {
    const int64_t now = options_.head.clock();
    watches_.dispatch();
    if (!session_ && now >= retry_at_) start_session();
    if (over_) return false;
    if (session_) {
        if (const auto status = session_->turn(); !status) {
            session_.reset();
            if (!options_.reconnect) return end(tl::unexpected(status.error()));
            if (!std::exchange(told_, true))
                log(LogLevel::kWarning, "waiting for QEMU: {}", status.error().message);
            retry_at_ = now + kRetry;
        }
    }
    if (failed_) return end(tl::unexpected(*failed_));
    for (auto& [id, head] : heads_) head->turn();
    close_heads();
    print_stats(now);
    // Send what did not fit into the sockets when heads wrote it.
    if (session_) std::ignore = session_->turn();
    return !over_;
}

void Viewer::print_stats(int64_t now) {
    if (now < stats_at_) return;
    stats_at_ = now + kStatsEvery;
    for (auto& [id, head] : heads_)
        options_.stats(fmt::format("console {}: {}", id, head->stats_line()));
}

int64_t Viewer::deadline() const {
    int64_t first = stats_at_;
    if (session_)
        first = std::min(first, session_->deadline());
    else if (!connecting_)
        first = std::min(first, retry_at_);
    for (const auto& [id, head] : heads_) first = std::min(first, head->deadline());
    return first;
}

Status Viewer::run(int stop) {
    while (turn()) {
        const int64_t deadline = this->deadline();
        int timeout = -1;
        if (deadline != INT64_MAX) {
            const int64_t left = std::max<int64_t>(deadline - options_.head.clock(), 0);
            timeout = static_cast<int>(std::min<int64_t>((left + 999'999) / 1'000'000, 60'000));
        }
        pollfd ready[] = {{fd(), POLLIN, 0}, {stop, POLLIN, 0}};
        ::poll(ready, std::size(ready), timeout);
        if (ready[1].revents != 0) return {};
    }
    return outcome();
}

}  // namespace viaduct::viewer
