// Residence: where the memory of one buffer is, and its moves between VRAM and system memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "simgpu/shared/device.h"

namespace simgpu::shared {

struct Resident;

/// Placement that a buffer asks for (Linux: its domains and flags, as
/// amdgpu_bo_placement_from_domain() reads them).
struct Wish {
    uint64_t size = 0;            // bytes
    bool vram = false;            // else system memory
    bool system = false;          // content with system memory where VRAM is full
    bool visible = false;         // in the part of VRAM that the CPU reaches
    bool discardable = false;     // may lose its content instead of moving
    bool system_as_good = false;  // the device's memory is the system's (APUs): that goes before
                                  // pushing others out of VRAM
    bool pinned = false;          // VRAM or nothing, and never moved: the kernel's own
};

/// The booking of one buffer in the device's heaps. VRAM can be promised to more buffers than fit:
/// whoever needs room pushes out those that were used the longest ago, of all processes, to system
/// memory (Linux: ttm_bo_evict_alloc()); a job moves those that it needs back. Thread-safe.
///
/// Simplified: the bytes stay where they are, only the books move. A victim that a job uses is
/// waited for, where the kernel makes the next job of the new buffer wait. Buffers come back at the
/// next job that uses them, without the kernel's limit of bytes moved per time. Without swap,
/// nothing can be pushed out where system memory is full too. Jobs of a process that imported a
/// buffer do not count as uses of it.
class Residence {
  public:
    enum class Place : uint32_t { kNowhere, kVram, kSystem };

    /// Null if no heap has room for it. May wait for jobs of other processes. `group` (may be
    /// null): has the uses of this buffer.
    static std::unique_ptr<Residence> create(std::shared_ptr<SharedDevice> device, const Wish& wish,
                                             std::shared_ptr<const Residence> group);
    /// One group for buffers that every job of a file uses. Null if the table is full.
    static std::unique_ptr<Residence> create_group(std::shared_ptr<SharedDevice> device);
    ~Residence();
    Residence(const Residence&) = delete;
    Residence& operator=(const Residence&) = delete;

    Place place() const;
    uint64_t size() const { return wish_.size; }
    /// It asked for VRAM and is not there.
    bool evicted() const { return wish_.vram && place() != Place::kVram; }
    /// Of a group: some of its buffers are evicted.
    bool has_evicted() const;

    /// A job is about to use it: it is the youngest now. `ticket`: of the job, from
    /// SharedDevice::next_use().
    void touch(uint64_t ticket);
    /// A job has been submitted that uses it: who pushes it out waits until end_use(). Not before
    /// all of the job's buffers are in place: two that wait for each other's would not end.
    void begin_use();
    void end_use();
    /// Moves it back to VRAM for the job with this ticket, as far as the kernel would. False if it
    /// is nowhere and stays there. `*lost`: its content was discarded meanwhile.
    bool restore(uint64_t ticket, bool* lost);
    /// The CPU touches it: if it is beyond the CPU's reach it moves, to visible VRAM or system
    /// memory, and is kept in reach from now on. False if there is room in neither (Linux: SIGBUS,
    /// see amdgpu_bo_fault_reserve_notify()).
    bool bring_in_reach();

  private:
    enum class Step { kDone, kImpossible, kBusy };

    Residence(std::shared_ptr<SharedDevice> device, const Wish& wish);
    Resident* entry() const;
    bool take_entry();
    bool settle();
    bool wait_for(uint64_t ticket, Step (Residence::*step)(uint64_t));
    Step enter_vram(uint64_t ticket);
    bool enter_system();
    bool fits_system(uint64_t bytes) const;
    uint64_t used(Heap heap) const;
    uint64_t visible_part() const;
    Resident* victim(uint64_t ticket, bool of_visible) const;
    bool push_out(Resident& resident);
    void book(Place place, uint64_t visible);
    void unbook();
    void wake_waiters();

    const std::shared_ptr<SharedDevice> device_;
    Wish wish_;
    std::shared_ptr<const Residence> group_;  // keeps the entry that has the uses
    uint32_t index_ = UINT32_MAX;             // of the entry; none: the table is full
    // Without an entry:
    std::atomic<Place> fixed_place_ = Place::kNowhere;
    uint64_t fixed_visible_ = 0;
};

}  // namespace simgpu::shared
