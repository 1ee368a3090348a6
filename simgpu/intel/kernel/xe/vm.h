// Vm: one GPU address space of an open file, and its queues of binds.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "simgpu/intel/kernel/xe/binder.h"
#include "simgpu/intel/kernel/xe/memory.h"
#include "simgpu/intel/kernel/xe/vma_tree.h"
#include "simgpu/sync/fence.h"

namespace simgpu::intel::xe {

/// The order of binds of one queue: a VM's own, or one of class VM_BIND. Guarded by its VM's lock.
struct BindQueue {
    drm::FencePtr last;  // of its newest bind; null: it had none
};

/// Thread-safe, unless noted otherwise.
class Vm {
  public:
    explicit Vm(bool scratch)
        : space_(std::make_shared<AddressSpace>(address_layout(scratch))), serial_(next_serial()) {}

    const std::shared_ptr<AddressSpace>& space() const { return space_; }
    /// Unique in the process, as ids are not.
    uint64_t serial() const { return serial_; }

    /// Destroyed by its owner: queues that have it still cannot execute any more.
    void close() { closed_ = true; }
    bool closed() const { return closed_; }

    /// Held while a VM_BIND is checked and enqueued: the order of these is that of the mappings.
    std::mutex& lock() { return lock_; }
    // With the lock held:
    VmaTree& vmas() { return vmas_; }
    BindQueue& own_queue() { return own_queue_; }
    /// The binds that a bind of these ranges has to come after, whatever their queues are (Linux:
    /// xe_range_fence.c). Remembers `done` for those that follow.
    std::vector<drm::FencePtr> order(const std::vector<VaRange>& ranges, const drm::FencePtr& done);

  private:
    struct Pending {
        uint64_t end = 0;
        drm::FencePtr done;  // of the newest bind of these addresses
    };
    using Pendings = std::map<uint64_t, Pending>;  // by start; none overlaps another

    void replace_pending(const VaRange& range, const drm::FencePtr& done,
                         std::vector<drm::FencePtr>& before);
    static uint64_t next_serial();

    const std::shared_ptr<AddressSpace> space_;
    const uint64_t serial_;
    std::atomic<bool> closed_ = false;
    std::mutex lock_;
    VmaTree vmas_;
    BindQueue own_queue_;
    Pendings pending_;
    size_t next_cleaning_ = 64;
};
using VmPtr = std::shared_ptr<Vm>;

}  // namespace simgpu::intel::xe
