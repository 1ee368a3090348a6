// Reservation: the unfinished work on a buffer, as the kernel's dma_resv.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "base/quick_mutex.h"
#include "simgpu/shared/fence_board.h"
#include "simgpu/sync/fence.h"

namespace simgpu::drm {

/// How work uses a buffer (Linux: DMA_RESV_USAGE_READ and _WRITE).
enum class Access { kRead, kWrite };

/// The unfinished jobs that use a buffer (or all buffers of a file that share one), and the sync
/// files that were added to it. Thread-safe. Once shared it also has the work of other processes,
/// and they have this one's; whether that succeeded does not cross.
class Reservation : public std::enable_shared_from_this<Reservation> {
  public:
    /// The one of a dma-buf, the same in all of this process as long as it is in use.
    static std::shared_ptr<Reservation> of_memory(const shared::MemoryId& memory);

    /// `owner`: whose work it is, and which does not wait for it. 0: no owner. Fences of one owner
    /// and timeline signal in order: a later one stands for those before.
    void add(uint64_t owner, uint64_t timeline, const FencePtr& fence,
             Access access = Access::kWrite);
    /// A fence from a sync file, which everybody waits for.
    void add_foreign(const FencePtr& fence, Access access);
    std::vector<FencePtr> pending();
    /// Without what only reads.
    std::vector<FencePtr> pending_writes();
    /// Without the jobs of `owner`: what implicit synchronisation has to wait for.
    std::vector<FencePtr> pending_of_others(uint64_t owner);

    /// This buffer is `memory` to others: of_memory() finds it from now on, in this process and,
    /// what it has pending, in others.
    void share(const shared::MemoryId& memory);

    /// The kernel's lock of a buffer, for ReservationLock; what is above takes care of itself.
    viaduct::QuickMutex& mutex() { return reserved_; }

  private:
    struct Use {
        uint64_t owner = 0;
        uint64_t timeline = 0;
        Access access = Access::kWrite;
        FencePtr fence;
        shared::FenceBoard::Post post;
    };

    void post_locked(Use& use, const shared::FenceBoard::Post& previous) VIADUCT_REQUIRES(mutex_);
    template <typename Wanted>
    std::vector<FencePtr> select(bool writes_only, Wanted wanted);

    // One thread may hold hundreds, more than ThreadSanitizer can follow for a lock of the C
    // library.
    viaduct::QuickMutex reserved_;
    viaduct::Mutex mutex_;
    std::vector<Use> uses_ VIADUCT_GUARDED_BY(mutex_);
    uint64_t next_foreign_ VIADUCT_GUARDED_BY(mutex_) = 1;
    std::optional<shared::MemoryId> memory_ VIADUCT_GUARDED_BY(mutex_);  // of a shared one
    std::shared_ptr<shared::FenceBoard> board_
        VIADUCT_GUARDED_BY(mutex_);  // likewise; null if it cannot be had
};

/// The file behind a descriptor. Nothing if it is not open.
std::optional<shared::MemoryId> memory_of(int fd);

}  // namespace simgpu::drm
