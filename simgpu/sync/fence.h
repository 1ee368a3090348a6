// Fence: a one-shot completion, as the kernel's dma_fence.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"

namespace simgpu::drm {

class Fence;
using FencePtr = std::shared_ptr<Fence>;

/// Thread-safe. Signals once, with 0 or a negative errno (-ECANCELED: job lost to a reset).
/// The signaller of a fence holds a reference until it has signalled; a fence dropped unsignalled
/// counts as -ESRCH for those who wait for it, as the queued jobs of a killed process do (Linux:
/// drm_sched_entity_kill()).
class Fence : public std::enable_shared_from_this<Fence> {
  public:
    static FencePtr create() { return std::make_shared<Fence>(); }
    static FencePtr signalled(int status = 0);
    /// Signals when all of `fences` have, with the first error among them.
    static FencePtr all_of(const std::vector<FencePtr>& fences);
    /// Signals when the sync file `fd` does (takes its own duplicate); null if `fd` is not a sync
    /// file or no descriptor is left.
    static FencePtr from_sync_file(int fd);

    Fence() = default;
    Fence(const Fence&) = delete;
    Fence& operator=(const Fence&) = delete;
    ~Fence();

    bool is_signalled() const;
    /// 0 while pending and after success; else the negative errno.
    int status() const;
    void signal(int status = 0);
    /// False on timeout. `deadline` in CLOCK_MONOTONIC.
    bool wait_until(std::chrono::steady_clock::time_point deadline) const;
    /// Runs `callback` once the fence signals (at once if it has), on the signalling thread with
    /// no lock held. Returns a token for remove_callback, 0 if it ran at once.
    uint64_t on_signal(std::function<void(int status)> callback);
    /// The callback will not start any more once this returns; it may still be running.
    void remove_callback(uint64_t token);
    /// For the fence of a finished job: `started` signals when it is handed over to the ring that
    /// `ring` stands for. To be called before others know the fence.
    void set_schedule(FencePtr started, const void* ring);
    /// The `started` of set_schedule() if the job is on `ring` and has not failed; else null.
    FencePtr schedule_on(const void* ring) const;
    /// A new sync file of this fence: a descriptor that polls readable once the fence has
    /// signalled, in this or any other process; also if the signalling process dies. Invalid if
    /// no descriptor is left.
    viaduct::UniqueFd export_sync_file();

  private:
    using Callbacks = std::vector<std::pair<uint64_t, std::function<void(int)>>>;

    /// A fence that a descriptor drives lives as long as somebody waits for it.
    void update_self_reference() VIADUCT_REQUIRES(mutex_);

    mutable viaduct::Mutex mutex_;
    mutable std::condition_variable signalled_;
    bool done_ VIADUCT_GUARDED_BY(mutex_) = false;
    int status_ VIADUCT_GUARDED_BY(mutex_) = 0;
    uint64_t next_token_ VIADUCT_GUARDED_BY(mutex_) = 1;
    Callbacks callbacks_ VIADUCT_GUARDED_BY(mutex_);
    std::shared_ptr<void> source_
        VIADUCT_GUARDED_BY(mutex_);  // the watched descriptor of an imported fence
    FencePtr self_ VIADUCT_GUARDED_BY(mutex_);
    FencePtr started_ VIADUCT_GUARDED_BY(mutex_);
    const void* ring_ VIADUCT_GUARDED_BY(mutex_) = nullptr;
};

/// True if `fd` is a sync file made by export_sync_file, here or in another process.
bool is_sync_file(int fd);
/// The ioctls of a sync file (<linux/sync_file.h>: MERGE, FILE_INFO); -ENOTTY for others.
int sync_file_ioctl(int fd, unsigned long request, void* argument);

}  // namespace simgpu::drm
