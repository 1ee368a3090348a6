#include "simgpu/sched/rings.h"

#include <fmt/format.h>

#include <map>

namespace simgpu::sched {

Rings::Rings(const std::vector<RingDescription>& descriptions,
             std::shared_ptr<shared::SharedDevice> device)
    : device_(std::move(device)) {
    for (const RingDescription& description : descriptions) {
        kinds_.push_back(description.kind);
        rings_.push_back(std::make_shared<Ring>(description, device_));
    }
}

Ring& Rings::choose(Entity& entity, size_t first, size_t count) {
    // drm_sched_entity_select_rq(): an idle entity moves to the ring with the least to do.
    if (entity.ring && !entity.idle()) return *rings_[*entity.ring];
    size_t best = first;
    const auto load = [this](size_t ring) { return device_->load(static_cast<uint32_t>(ring)); };
    for (size_t ring = first + 1; ring < first + count; ++ring)
        if (load(ring) < load(best)) best = ring;
    entity.ring = best;
    return *rings_[best];
}

bool Rings::wait_handed_over(Ring::Clock::time_point deadline) const {
    bool done = true;
    for (const auto& ring : rings_) done = ring->wait_handed_over(deadline) && done;
    return done;
}

bool Rings::wait_finished(Ring::Clock::time_point deadline) const {
    bool done = true;
    for (const auto& ring : rings_) done = ring->wait_finished(deadline) && done;
    return done;
}

void Rings::close() const {
    for (const auto& ring : rings_) ring->close();
}

std::string Rings::busy_lines() const {
    std::map<std::string_view, uint64_t> busy_ns;
    for (size_t i = 0; i < rings_.size(); ++i) busy_ns[kinds_[i]] += rings_[i]->busy_ns();
    std::string text;
    for (const auto& [kind, time_ns] : busy_ns)
        if (time_ns != 0) text += fmt::format("drm-engine-{}:\t{} ns\n", kind, time_ns);
    return text;
}

}  // namespace simgpu::sched
