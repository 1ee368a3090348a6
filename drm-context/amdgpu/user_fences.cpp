#include "drm-context/amdgpu/user_fences.h"

namespace viaduct::amdgpu {

std::shared_ptr<const Mapping> UserFences::find_page(GemHandle gem_handle, uint32_t offset) const {
    const auto found = pages_.find(key_of(gem_handle, offset));
    return found == pages_.end() ? nullptr : found->second;
}

void UserFences::add_page(GemHandle gem_handle, uint32_t offset,
                          std::shared_ptr<const Mapping> page) {
    if (pages_.size() >= kMostPages) pages_.clear();  // fences still to be written keep theirs
    pages_.insert_or_assign(key_of(gem_handle, offset), std::move(page));
}

void UserFences::drop_pages(GemHandle gem_handle) {
    pages_.erase(pages_.lower_bound({gem_handle, 0}), pages_.upper_bound({gem_handle, UINT32_MAX}));
}

void UserFences::add(RingIndex ring, uint64_t submissions, Place place, uint64_t value) {
    rings_[ring].push_back({submissions, std::move(place), value});
}

void UserFences::ended(RingIndex ring, uint64_t submissions, Outcome outcome) {
    const auto found = rings_.find(ring);
    if (found == rings_.end()) return;
    auto& pending = found->second;
    for (; !pending.empty() && pending.front().submissions <= submissions; pending.pop_front()) {
        if (outcome == Outcome::kFailed) continue;
        const auto& [page, offset] = pending.front().place;
        __atomic_store_n(reinterpret_cast<uint64_t*>(page->data() + offset), pending.front().value,
                         __ATOMIC_RELEASE);
    }
}

}  // namespace viaduct::amdgpu
