// ReservationLock: the reservations of some buffers, held together.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "simgpu/memory/buffer.h"

namespace simgpu::memory {

/// Linux: drm_exec. A submission holds those of its buffers and of its file's page directory while
/// it waits, and whoever needs one of them waits too. Taken in the order of addresses, so that no
/// two wait for each other; at most one lock per thread.
class ReservationLock {
  public:
    explicit ReservationLock(std::vector<Reservation*> reservations)
        : held_(std::move(reservations)) {
        std::ranges::sort(held_);
        held_.erase(std::unique(held_.begin(), held_.end()), held_.end());
        for (Reservation* reservation : held_) reservation->mutex().lock();
    }
    ~ReservationLock() {
        for (Reservation* reservation : held_) reservation->mutex().unlock();
    }
    ReservationLock(const ReservationLock&) = delete;
    ReservationLock& operator=(const ReservationLock&) = delete;

  private:
    std::vector<Reservation*> held_;
};

}  // namespace simgpu::memory
