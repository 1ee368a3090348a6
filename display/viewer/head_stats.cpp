#include "display/viewer/head_stats.h"

#include <algorithm>

namespace viaduct::viewer {

namespace {

// A guest that draws nothing for longer has not missed a refresh.
constexpr uint64_t kIdle = 250'000'000;
// A compositor may stop reporting frames.
constexpr size_t kMostUnderWay = 64;

double milliseconds(int64_t ns) {
    return static_cast<double>(ns) / 1e6;
}

}  // namespace

void HeadStats::update(uint64_t number, int64_t now) {
    ++updates_;
    under_way_[number] = now;
    if (under_way_.size() > kMostUnderWay) under_way_.erase(under_way_.begin());
}

void HeadStats::shown(uint64_t number, const wayland::ShownFrame& when) {
    const auto came = under_way_.find(number);
    if (came == under_way_.end()) return;
    if (when.time_ns > 0) {
        const int64_t latency = static_cast<int64_t>(when.time_ns) - came->second;
        if (latency >= 0) {
            ++latency_.count;
            latency_.sum += latency;
            latency_.longest = std::max(latency_.longest, latency);
        }
        const uint64_t gap = when.time_ns > last_shown_ ? when.time_ns - last_shown_ : 0;
        if (last_shown_ > 0 && gap < kIdle && when.refresh_ns > 0)
            repeats_ += std::max<uint64_t>((gap + when.refresh_ns / 2) / when.refresh_ns, 1) - 1;
        last_shown_ = when.time_ns;
    }
    under_way_.erase(under_way_.begin(), std::next(came));
}

void HeadStats::dropped(uint64_t number) {
    under_way_.erase(number);
}

std::string HeadStats::line(const wayland::PresenterCounts& presenter,
                            const std::string& why_unshown, const UpdateHold::Counts& hold,
                            uint64_t copied_here) {
    const auto zero_copy = presenter.zero_copy - presenter_before_.zero_copy;
    const auto copied = presenter.copied - presenter_before_.copied;
    std::string line = fmt::format(
        "{} updates, {} frames without a copy, {} copied ({} bytes in all), {} by the GPU, "
        "{} skipped",
        updates_ - updates_before_, zero_copy, copied, presenter.copied_bytes + copied_here,
        presenter.blitted - presenter_before_.blitted,
        presenter.superseded - presenter_before_.superseded);
    if (latency_.count > 0)
        line += fmt::format("; to the screen {:.1f} ms, at most {:.1f} ms",
                            milliseconds(latency_.sum) / static_cast<double>(latency_.count),
                            milliseconds(latency_.longest));
    line += fmt::format("; {} repeats; the VM was held {} times for {:.1f} ms",
                        repeats_ - repeats_before_, hold.held - hold_before_.held,
                        milliseconds(hold.time - hold_before_.time));
    if (refused_ > 0)
        line += fmt::format("; {} pictures refused, the last one: {}", refused_, why_refused_);
    if (presenter.refused > 0)
        line +=
            fmt::format("; {} frames not shown, the last one: {}", presenter.refused, why_unshown);
    latency_ = {};
    updates_before_ = updates_;
    repeats_before_ = repeats_;
    presenter_before_ = presenter;
    hold_before_ = hold;
    return line;
}

}  // namespace viaduct::viewer
