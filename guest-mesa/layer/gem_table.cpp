#include "guest-mesa/layer/gem_table.h"

#include <algorithm>

#include "guest-mesa/layer/virtgpu_ioctls.h"

namespace viaduct::guest {

void GemTable::insert(GemHandle handle, const GemObject& object) {
    const LockGuard lock(mutex_);
    entries_[handle] = Entry{object, {}};
}

std::optional<GemObject> GemTable::find_known(GemHandle handle) const {
    const LockGuard lock(mutex_);
    const auto entry = entries_.find(handle);
    if (entry == entries_.end()) return std::nullopt;
    return entry->second.object;
}

std::optional<GemObject> GemTable::find(const Channel& channel, GemHandle handle) {
    if (const auto known = find_known(handle)) return known;
    virtgpu::ResourceInfo info{};
    info.bo_handle = handle.value();
    if (channel.ioctl(kVirtgpuResourceInfo, &info) < 0) return std::nullopt;
    const GemObject object{ResourceId(info.res_handle), info.size, true, false};
    const LockGuard lock(mutex_);
    return entries_.try_emplace(handle, Entry{object, {}}).first->second.object;
}

void GemTable::set_shared(GemHandle handle) {
    const LockGuard lock(mutex_);
    if (const auto entry = entries_.find(handle); entry != entries_.end())
        entry->second.object.shared = true;
}

void GemTable::erase(GemHandle handle) {
    const LockGuard lock(mutex_);
    entries_.erase(handle);
}

void GemTable::add_use(std::span<const GemHandle> handles, RingUse use) {
    const LockGuard lock(mutex_);
    for (const GemHandle handle : handles) {
        const auto entry = entries_.find(handle);
        if (entry == entries_.end()) continue;
        std::vector<RingUse>& uses = entry->second.uses;
        const auto same = std::find_if(uses.begin(), uses.end(),
                                       [&](const RingUse& old) { return old.ring == use.ring; });
        if (same == uses.end())
            uses.push_back(use);
        else
            same->point = std::max(same->point, use.point);
    }
}

std::vector<RingUse> GemTable::uses(GemHandle handle) const {
    const LockGuard lock(mutex_);
    const auto entry = entries_.find(handle);
    return entry == entries_.end() ? std::vector<RingUse>{} : entry->second.uses;
}

}  // namespace viaduct::guest
