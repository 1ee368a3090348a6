#include "display/wayland/gpu_copies.h"

#include <drm_fourcc.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/log.h"

namespace viaduct::wayland {

GpuCopies::GpuCopies(gpu_copy::OpenCopier open, Watches& watches, std::function<void()> done)
    : open_(std::move(open)), watches_(watches), done_(std::move(done)) {}

std::optional<GpuCopies::Kind> GpuCopies::kind_for(const Frame& frame,
                                                   const FormatTable& table) const {
    const FrameLayout& layout = frame.layout();
    if (!open_ || frame.plain_memory() || bytes_per_pixel(layout.fourcc) == 0 ||
        table.main_device() == 0 || std::ranges::find(refused_, layout) != refused_.end())
        return {};
    // Its own format loses nothing; the others are what every compositor has.
    for (const uint32_t fourcc :
         {layout.fourcc, uint32_t{DRM_FORMAT_XRGB8888}, uint32_t{DRM_FORMAT_XBGR8888}})
        if (auto modifiers = table.modifiers_of(fourcc); !modifiers.empty())
            return Kind{layout.width, layout.height, fourcc, std::move(modifiers)};
    return {};
}

bool GpuCopies::ready(const Kind& kind) const {
    if (under_way_ != 0) return false;
    return kind != kind_ || targets_.size() < kTargets ||
           std::ranges::find(targets_, false, &Target::busy) != targets_.end();
}

// A buffer of an older kind that the compositor still reads may go: it keeps the memory.
bool GpuCopies::begin(Frame& frame, const Kind& kind, dev_t device) {
    if (!thread_ && !start(device)) return false;
    if (std::exchange(kind_, kind) != kind) targets_.clear();
    auto free = std::ranges::find(targets_, false, &Target::busy);
    if (free == targets_.end()) free = targets_.insert(free, Target{++last_id_, false});
    free->busy = true;
    under_way_ = free->id;
    thread_->begin({std::move(frame), kind, free->id});
    return true;
}

bool GpuCopies::start(dev_t device) try {
    thread_ = std::make_unique<gpu_copy::CopyThread>(open_, device);
    if (watches_.add(thread_->fd(), [this] { done_(); }) != 0) return true;
    give_up("no descriptor left to watch it");
    return false;
} catch (const std::system_error& error) {
    give_up(error.what());
    return false;
}

void GpuCopies::give_up(std::string_view why) {
    log(LogLevel::kWarning, "no frame is copied by the GPU from now on: {}", why);
    open_ = {};
}

std::optional<GpuCopies::Copied> GpuCopies::take() {
    auto answer = thread_ ? thread_->take() : std::nullopt;
    if (!answer) return {};
    Copied copied{std::move(answer->original), std::move(answer->copy),
                  std::exchange(under_way_, 0)};
    if (copied.copy) return copied;
    give_back(copied.target);
    const Error& error = copied.copy.error();
    if (error.code == ENODEV)
        give_up(error.message);
    else
        refuse(copied.original.layout());
    return copied;
}

void GpuCopies::give_back(uint64_t target) {
    const auto given = std::ranges::find(targets_, target, &Target::id);
    if (given != targets_.end()) given->busy = false;
}

void GpuCopies::refuse(const FrameLayout& layout) {
    refused_.push_back(layout);
    if (refused_.size() > kMostRefused) refused_.pop_front();
}

}  // namespace viaduct::wayland
