// Binder: carries out the binds of one open file, late.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_set>
#include <vector>

#include "base/mutex.h"
#include "simgpu/intel/kernel/xe/memory.h"
#include "simgpu/sync/fence.h"

namespace simgpu::intel::xe {

/// A change of the page tables: `mapping.access` 0 unmaps.
struct PageTableUpdate {
    memory::VaMapping mapping;
};

/// One VM_BIND, checked: what happens in the page tables once its dependencies have signalled.
struct Bind {
    std::shared_ptr<AddressSpace> space;
    std::vector<PageTableUpdate> updates;
    drm::FencePtr done = drm::Fence::create();
    std::chrono::steady_clock::time_point earliest = {};
};

/// The kernel's bind jobs run some time after the ioctl. So do these, on a thread of their own and
/// not before kBindDelay: a guest that does not wait for a bind meets a fault, as on a busy GPU.
/// Thread-safe. The thread starts with the first bind.
class Binder : public std::enable_shared_from_this<Binder> {
  public:
    Binder() = default;
    Binder(const Binder&) = delete;
    Binder& operator=(const Binder&) = delete;

    void submit(std::shared_ptr<Bind> bind, const std::vector<drm::FencePtr>& dependencies);
    /// Drops the binds that wait; their fences end with -ESRCH. The thread ends.
    void close();

  private:
    void ready(const std::shared_ptr<Bind>& bind);
    void run();

    using BindPtr = std::shared_ptr<Bind>;

    viaduct::Mutex mutex_;
    std::condition_variable changed_;
    std::unordered_set<BindPtr> open_ VIADUCT_GUARDED_BY(mutex_);  // all that are not done
    std::deque<BindPtr> ready_ VIADUCT_GUARDED_BY(mutex_);  // those of them that wait for nothing
    bool has_thread_ VIADUCT_GUARDED_BY(mutex_) = false;
    bool closed_ VIADUCT_GUARDED_BY(mutex_) = false;
};

}  // namespace simgpu::intel::xe
