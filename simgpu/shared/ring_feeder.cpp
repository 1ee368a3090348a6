#include "simgpu/shared/ring_feeder.h"

#include <algorithm>
#include <cerrno>

#include "simgpu/clock.h"
#include "simgpu/shared/lock.h"
#include "simgpu/shared/places.h"
#include "simgpu/shared/segment.h"

namespace simgpu::shared {

namespace {

/// A process that does not stop its cancelled jobs for so long is ignored.
constexpr uint64_t kStopTimeoutNs = 1'000'000'000;

bool goes_before(const Waiter& a, const Waiter& b) {
    if (a.priority != b.priority) return a.priority > b.priority;
    if (a.submitted_ns != b.submitted_ns) return a.submitted_ns < b.submitted_ns;
    return a.ticket < b.ticket;
}

void cancel(Ring& ring, int error) {
    for (Place& place : ring.places) {
        if (place.seat == kOrphan) place.seat = kNobody;
        if (place.seat == kNobody) continue;
        place.error = error;
        place.stop.store(true, std::memory_order_release);
    }
}

bool whole_device(Recovery recovery) {
    return recovery == Recovery::kFull || recovery == Recovery::kVramLost;
}

}  // namespace

RingFeeder::RingFeeder(std::shared_ptr<SharedDevice> device, uint32_t ring)
    : device_(std::move(device)), index_(ring), ring_(device_->segment_->rings[ring]) {}

RingFeeder::~RingFeeder() {
    withdraw();
}

std::optional<RingFeeder::Place> RingFeeder::try_enter(int32_t priority, uint64_t submitted_ns) {
    const SharedDevice::Lock lock(*device_);
    if (!request_) {
        // With every entry taken we ask again later: only the order suffers.
        const auto free = std::ranges::find(ring_.waiters, kNobody, &Waiter::seat);
        if (free == ring_.waiters.end()) return std::nullopt;
        request_ = &*free;
        request_->ticket = device_->segment_->next_ticket++;
    }
    request_->seat = device_->seat_;
    request_->priority = priority;
    request_->submitted_ns = submitted_ns;
    // drm_sched_start() signals all that was cancelled before it hands over anything.
    const auto cancelled = [](const shared::Place& p) { return p.seat != kNobody && p.error != 0; };
    if (!usable() || std::ranges::any_of(ring_.places, cancelled)) return std::nullopt;
    const auto place = std::ranges::find(ring_.places, kNobody, &shared::Place::seat);
    if (place == ring_.places.end()) return std::nullopt;
    for (const Waiter& other : ring_.waiters)
        if (other.seat != kNobody && goes_before(other, *request_)) return std::nullopt;
    request_->seat = kNobody;
    request_ = nullptr;
    place->running = 0;
    place->hung_until_ns = 0;
    place->error = 0;
    place->stop = false;
    place->order = device_->segment_->next_ticket++;
    place->scheduled_ns = monotonic_ns();
    place->seat = device_->seat_;
    // Another feeder may have been held up by us alone, with a place left.
    if (std::ranges::find(ring_.places, kNobody, &shared::Place::seat) != ring_.places.end() &&
        std::ranges::any_of(ring_.waiters, [](const Waiter& w) { return w.seat != kNobody; }))
        shared::notify(ring_);
    return static_cast<Place>(place - ring_.places.begin());
}

void RingFeeder::withdraw() {
    if (!request_) return;
    const SharedDevice::Lock lock(*device_);
    request_->seat = kNobody;
    request_ = nullptr;
    shared::notify(ring_);
}

bool RingFeeder::try_run(Place place) {
    const SharedDevice::Lock lock(*device_);
    shared::Place& own = ring_.places[place];
    if (!usable() || own.error != 0 || !is_oldest(ring_, own)) return false;
    own.running = 1;
    return true;
}

void RingFeeder::hang_until(Place place, uint64_t until_ns) {
    const SharedDevice::Lock lock(*device_);
    ring_.places[place].hung_until_ns = until_ns;
}

void RingFeeder::kill(Place place) {
    const SharedDevice::Lock lock(*device_);
    shared::Place& own = ring_.places[place];
    if (own.error != 0) return;
    own.error = -ECANCELED;
    own.stop.store(true, std::memory_order_release);
    shared::notify(ring_);
}

int RingFeeder::error(Place place) const {
    return ring_.places[place].error;
}

const std::atomic<bool>& RingFeeder::stop(Place place) const {
    return ring_.places[place].stop;
}

void RingFeeder::stopped(Place place) {
    const SharedDevice::Lock lock(*device_);
    ring_.places[place].running = 0;
    shared::notify(ring_);
}

bool RingFeeder::usable() const {
    return ring_.resetting == 0 && device_->segment_->resetting == 0;
}

uint64_t RingFeeder::scheduled_ns(Place place) const {
    return ring_.places[place].scheduled_ns;
}

uint64_t RingFeeder::leave(Place place, uint64_t finished_ns) {
    const SharedDevice::Lock lock(*device_);
    shared::Place& own = ring_.places[place];
    const uint64_t scheduled_ns = own.scheduled_ns;
    vacate(ring_, own, finished_ns);
    shared::notify(ring_);
    return finished_ns - std::min(finished_ns, scheduled_ns);
}

bool RingFeeder::recover(Place place, Recovery recovery, uint64_t duration_ns) {
    while (!begin_recovery(place, recovery)) {
        if (error(place) != 0) return false;
        const uint32_t seen = events();
        wait(seen);
    }
    if (recovery == Recovery::kSoft) return true;
    await_stopped(recovery);
    if (recovery == Recovery::kVramLost) await_vram_cleared();
    if (whole_device(recovery)) {
        // Nobody notifies us early: this is how long the hardware takes.
        const uint64_t end = monotonic_ns() + duration_ns;
        while (monotonic_ns() < end) wait(events(), end - monotonic_ns());
    }
    const SharedDevice::Lock lock(*device_);
    Segment& segment = *device_->segment_;
    segment.recoverer = kNobody;
    segment.resetting = 0;
    ring_.resetting = 0;
    for (Ring& ring : segment.rings) shared::notify(ring);
    return true;
}

/// False if another recovery is under way, or has cancelled the job.
bool RingFeeder::begin_recovery(Place place, Recovery recovery) {
    const SharedDevice::Lock lock(*device_);
    Segment& segment = *device_->segment_;
    ring_.places[place].running = 0;
    if (ring_.places[place].error != 0) return false;
    // A soft recovery takes no lock of the kernel's that others would wait for.
    if (segment.recoverer != kNobody) return false;
    ++segment.resets;
    if (recovery == Recovery::kSoft) return true;
    segment.recoverer = device_->seat_;
    if (!whole_device(recovery)) {
        ring_.resetting = 1;
        cancel(ring_, -ECANCELED);
        shared::notify(ring_);
        return true;
    }
    segment.resetting = 1;
    if (recovery == Recovery::kVramLost) {
        ++segment.vram_losses;
        futex_wake_all(segment.vram_losses);
    }
    for (Ring& ring : segment.rings) {
        cancel(ring, -ECANCELED);
        shared::notify(ring);
    }
    return true;
}

bool RingFeeder::all_stopped(Recovery recovery) {
    const SharedDevice::Lock lock(*device_);
    const auto running = [](const shared::Place& place) {
        return place.seat != kNobody && place.running != 0;
    };
    if (!whole_device(recovery)) return std::ranges::none_of(ring_.places, running);
    return std::ranges::none_of(device_->segment_->rings, [&](const Ring& ring) {
        return std::ranges::any_of(ring.places, running);
    });
}

void RingFeeder::await_stopped(Recovery recovery) {
    constexpr uint64_t kPollNs = 1'000'000;
    const uint64_t end = monotonic_ns() + kStopTimeoutNs;
    while (!all_stopped(recovery) && monotonic_ns() < end) {
        wait(events(), kPollNs);
        device_->reclaim_dead_seats();
    }
}

void RingFeeder::await_vram_cleared() {
    constexpr uint64_t kPollNs = 1'000'000;
    const uint32_t losses = device_->segment_->vram_losses;
    const auto all_cleared = [&] {
        const SharedDevice::Lock lock(*device_);
        return std::ranges::none_of(device_->segment_->used_seats(), [&](const Seat& seat) {
            return seat.taken && seat.watches_vram && seat.vram_losses != losses;
        });
    };
    const uint64_t end = monotonic_ns() + kStopTimeoutNs;
    while (!all_cleared() && monotonic_ns() < end) {
        wait(events(), kPollNs);
        device_->reclaim_dead_seats();
    }
}

uint32_t RingFeeder::events() const {
    return ring_.events;
}

void RingFeeder::wait(uint32_t seen, uint64_t timeout_ns) {
    const uint64_t slept = std::min(timeout_ns, kLookAgainNs);
    const uint64_t start = monotonic_ns();
    futex_wait(ring_.events, seen, slept);
    if (monotonic_ns() - start >= kLookAgainNs) device_->reclaim_dead_seats();
}

void RingFeeder::notify() {
    shared::notify(ring_);
}

size_t RingFeeder::waiting() const {
    const SharedDevice::Lock lock(*device_);
    return static_cast<size_t>(std::ranges::count_if(
        ring_.waiters, [](const Waiter& waiter) { return waiter.seat != kNobody; }));
}

}  // namespace simgpu::shared
