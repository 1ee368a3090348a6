#include "tests/loopback/client/guest_fences.h"

#include <algorithm>
#include <cerrno>
#include <vector>

namespace viaduct::loopback {

using simgpu::drm::Fence;
using simgpu::drm::FencePtr;

GuestFences::NewFence GuestFences::add(uint32_t ring) {
    const std::lock_guard lock(mutex_);
    if (device_gone_) return {next_token_++, Fence::signalled(-ENODEV)};
    NewFence fence{next_token_++, Fence::create()};
    rings_[ring].push_back(fence);
    return fence;
}

void GuestFences::signal_through(uint32_t ring, uint64_t token) {
    std::vector<FencePtr> done;
    {
        const std::lock_guard lock(mutex_);
        auto& fences = rings_[ring];
        while (!fences.empty() && fences.front().token <= token) {
            done.push_back(std::move(fences.front().fence));
            fences.pop_front();
        }
    }
    // Callbacks of a fence may come back to this object: no lock.
    for (const FencePtr& fence : done) fence->signal();
}

void GuestFences::signal_all(int status) {
    std::map<uint32_t, std::deque<NewFence>> left;
    {
        const std::lock_guard lock(mutex_);
        device_gone_ = true;
        left.swap(rings_);
    }
    for (const auto& [ring, fences] : left)
        for (const NewFence& fence : fences) fence.fence->signal(status);
}

bool GuestFences::is_on_ring(uint32_t ring, const FencePtr& fence) const {
    const std::lock_guard lock(mutex_);
    const auto entry = rings_.find(ring);
    return entry != rings_.end() && std::ranges::any_of(entry->second, [&](const NewFence& item) {
               return item.fence == fence;
           });
}

}  // namespace viaduct::loopback
