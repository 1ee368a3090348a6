#include "simgpu/shared/places.h"

#include <algorithm>

namespace simgpu::shared {

bool is_oldest(const Ring& ring, const Place& place) {
    return std::ranges::none_of(ring.places, [&](const Place& other) {
        return other.seat != kNobody && other.order < place.order;
    });
}

void vacate(Ring& ring, Place& place, uint64_t finished_ns) {
    const bool was_oldest = is_oldest(ring, place);
    place.seat = kNobody;
    place.running = 0;
    // drm_sched_get_finished_job() moves the next job's `scheduled`.
    for (Place& other : ring.places)
        if (was_oldest && other.seat != kNobody) other.scheduled_ns = finished_ns;
}

}  // namespace simgpu::shared
