#include "tests/loopback/server/fence_timelines.h"

#include <algorithm>

namespace viaduct::loopback {

uint64_t FenceTimelines::add(uint32_t ctx_id, FenceOwner owner) {
    const uint64_t id = next_id_++;
    for (const uint32_t resource : owner.resources) ++busy_[resource];
    auto& timeline = timelines_[key_of(ctx_id, owner.ring)];
    timeline.push_back({id, std::move(owner)});
    ++pending_;
    return id;
}

std::vector<FenceEvent> FenceTimelines::retire(uint32_t ctx_id, uint32_t ring, uint64_t fence_id) {
    std::vector<FenceEvent> events;
    const auto entry = timelines_.find(key_of(ctx_id, ring));
    if (entry == timelines_.end()) return events;
    auto& timeline = entry->second;
    while (!timeline.empty() && timeline.front().fence_id <= fence_id) {
        const FenceOwner owner = std::move(timeline.front().owner);
        timeline.pop_front();
        --pending_;
        release_resources(owner);
        // Tokens of one file rise along the timeline: the last one says it all.
        if (!events.empty() && events.back().file == owner.file)
            events.back().token = owner.token;
        else
            events.push_back({owner.file, owner.ring, owner.token});
    }
    if (timeline.empty()) timelines_.erase(entry);
    return events;
}

void FenceTimelines::drop_file(FileId file) {
    for (auto entry = timelines_.begin(); entry != timelines_.end();) {
        auto& timeline = entry->second;
        std::erase_if(timeline, [&](const Pending& pending) {
            if (pending.owner.file != file) return false;
            --pending_;
            release_resources(pending.owner);
            return true;
        });
        entry = timeline.empty() ? timelines_.erase(entry) : std::next(entry);
    }
}

void FenceTimelines::release_resources(const FenceOwner& owner) {
    for (const uint32_t resource : owner.resources) {
        const auto entry = busy_.find(resource);
        if (entry != busy_.end() && --entry->second == 0) busy_.erase(entry);
    }
}

}  // namespace viaduct::loopback
