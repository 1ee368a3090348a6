// A SharedDevice's state of the whole device: resets, VRAM losses, the performance level.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

#include "simgpu/clock.h"
#include "simgpu/gpu_thread.h"
#include "simgpu/shared/lock.h"
#include "simgpu/shared/places.h"
#include "simgpu/shared/segment.h"

namespace simgpu::shared {

void futex_wait(std::atomic<uint32_t>& word, uint32_t seen, uint64_t timeout_ns) {
    constexpr uint64_t kNsPerS = 1'000'000'000;
    const timespec timeout{static_cast<time_t>(timeout_ns / kNsPerS),
                           static_cast<long>(timeout_ns % kNsPerS)};
    ::syscall(SYS_futex, &word, FUTEX_WAIT, seen, &timeout, nullptr, 0);
}

void futex_wake_all(std::atomic<uint32_t>& word) {
    ::syscall(SYS_futex, &word, FUTEX_WAKE, INT32_MAX, nullptr, nullptr, 0);
}

void notify(Ring& ring) {
    ring.events.fetch_add(1);
    futex_wake_all(ring.events);
}

/// With the lock held: a process has gone.
void SharedDevice::clear_places(uint32_t seat) {
    const uint64_t now_ns = monotonic_ns();
    if (segment_->pstate_seat == seat) {
        segment_->pstate_seat = kNobody;
        segment_->pstate = 0;
    }
    const bool recovered = segment_->recoverer == seat;
    if (recovered) {
        segment_->recoverer = kNobody;
        segment_->resetting = 0;
    }
    for (Ring& ring : segment_->rings) {
        bool changed = recovered;
        if (recovered) ring.resetting = 0;
        for (Place& place : ring.places) {
            if (place.seat != seat) continue;
            // The hardware does not care who has died; but a reset has already got it going again
            // if it has cancelled the job.
            if (place.error == 0 && place.hung_until_ns > now_ns) {
                place.seat = kOrphan;
                place.running = 0;
            } else {
                vacate(ring, place, now_ns);
            }
            changed = true;
        }
        for (Waiter& waiter : ring.waiters) {
            if (waiter.seat != seat) continue;
            waiter.seat = kNobody;
            changed = true;
        }
        if (changed) notify(ring);
    }
}

/// With the lock held. At the time-out of a job without a process the kernel recovers as ever; its
/// waves are killed.
void SharedDevice::recover_from_orphans() {
    const uint64_t now_ns = monotonic_ns();
    for (Ring& ring : segment_->rings) {
        for (Place& place : ring.places) {
            if (place.seat != kOrphan || place.hung_until_ns > now_ns) continue;
            vacate(ring, place, now_ns);
            ++segment_->resets;
            notify(ring);
        }
    }
}

uint32_t SharedDevice::reset_count() const {
    return segment_->resets;
}
uint32_t SharedDevice::vram_loss_count() const {
    return segment_->vram_losses;
}
bool SharedDevice::resetting() const {
    return segment_->resetting != 0;
}

/// The thread that clears this process's part of VRAM when it is lost.
class SharedDevice::VramWatch {
  public:
    VramWatch(std::shared_ptr<SharedDevice> device, std::function<void()> clear)
        : device_(std::move(device)), clear_(std::move(clear)) {
        const Lock lock(*device_);
        seen_ = device_->segment_->vram_losses;
        // Another one that is on its way out may still be clearing.
        if (seat().watches_vram++ == 0) seat().vram_losses = seen_;
        thread_ = start_gpu_thread([this] { run(); });
    }
    ~VramWatch() {
        stop_ = true;
        // It may not sleep yet.
        for (; !ended_; std::this_thread::sleep_for(std::chrono::microseconds(100)))
            futex_wake_all(device_->segment_->vram_losses);
        thread_.join();
        const Lock lock(*device_);
        --seat().watches_vram;
    }
    VramWatch(const VramWatch&) = delete;
    VramWatch& operator=(const VramWatch&) = delete;

  private:
    static constexpr uint64_t kIdleNs = 1'000'000'000;

    void run() {
        for (;;) {
            const uint32_t now = device_->segment_->vram_losses;
            if (now == seen_) {
                if (stop_) break;
                futex_wait(device_->segment_->vram_losses, now, kIdleNs);
                continue;
            }
            clear_();
            seen_ = now;
            const Lock lock(*device_);
            seat().vram_losses = std::max(seat().vram_losses, now);
        }
        ended_ = true;
    }
    Seat& seat() { return device_->segment_->seats[device_->seat_]; }

    const std::shared_ptr<SharedDevice> device_;
    const std::function<void()> clear_;
    std::atomic<bool> stop_ = false;
    std::atomic<bool> ended_ = false;
    uint32_t seen_ = 0;
    std::thread thread_;
};

std::shared_ptr<void> SharedDevice::watch_vram(std::function<void()> clear) {
    const viaduct::LockGuard lock(watch_mutex_);
    auto watch = watch_.lock();
    if (!watch) watch_ = watch = std::make_shared<VramWatch>(shared_from_this(), std::move(clear));
    return watch;
}

uint32_t SharedDevice::stable_pstate() const {
    return segment_->pstate;
}

bool SharedDevice::set_stable_pstate(uint64_t owner, uint32_t pstate) {
    const Lock lock(*this);
    if (segment_->pstate_seat != kNobody && segment_->pstate_owner != owner) return false;
    if (pstate == segment_->pstate) return true;
    segment_->pstate = pstate;
    segment_->pstate_seat = pstate == 0 ? kNobody : seat_;
    segment_->pstate_owner = owner;
    return true;
}

void SharedDevice::drop_stable_pstate(uint64_t owner) {
    if (!file_) return;  // a forked child's inheritance
    const Lock lock(*this);
    if (segment_->pstate_seat == kNobody || segment_->pstate_owner != owner) return;
    segment_->pstate = 0;
    segment_->pstate_seat = kNobody;
}

uint32_t SharedDevice::load(uint32_t ring) const {
    uint32_t jobs = 0;
    for (const Seat& seat : segment_->used_seats()) jobs += seat.load[ring];
    return jobs;
}
void SharedDevice::change_load(uint32_t ring, int change) {
    segment_->seats[seat_].load[ring] += static_cast<uint32_t>(change);
}

}  // namespace simgpu::shared
