#include "simgpu/sync/reservation.h"

#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <utility>

#include "simgpu/fork_mutex.h"
#include "simgpu/sync/remote_fences.h"

namespace simgpu::drm {

namespace {

using shared::FenceBoard;
using shared::MemoryId;

/// The shared reservations of this process.
struct Registry {
    ForkMutex mutex;
    pid_t process VIADUCT_GUARDED_BY(mutex) = 0;
    std::map<MemoryId, std::weak_ptr<Reservation>> reservations VIADUCT_GUARDED_BY(mutex);

    /// A forked child starts afresh: nobody signals its copies of fences.
    std::map<MemoryId, std::weak_ptr<Reservation>>& current() VIADUCT_REQUIRES(mutex) {
        if (std::exchange(process, ::getpid()) != ::getpid()) reservations.clear();
        std::erase_if(reservations, [](const auto& entry) { return entry.second.expired(); });
        return reservations;
    }
};

Registry& registry() {
    static auto* the_registry = new Registry;  // fences may signal after static objects have gone
    return *the_registry;
}

}  // namespace

std::optional<MemoryId> memory_of(int fd) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return std::nullopt;
    return MemoryId{info.st_dev, info.st_ino};
}

std::shared_ptr<Reservation> Reservation::of_memory(const MemoryId& memory) {
    Registry& known = registry();
    std::shared_ptr<Reservation> reservation;
    {
        const viaduct::LockGuard lock(known.mutex);
        auto& entry = known.current()[memory];
        reservation = entry.lock();
        if (reservation) return reservation;
        reservation = std::make_shared<Reservation>();
        entry = reservation;
    }
    reservation->share(memory);
    return reservation;
}

void Reservation::share(const MemoryId& memory) {
    {
        Registry& known = registry();
        const viaduct::LockGuard lock(known.mutex);
        known.current()[memory] = shared_from_this();
    }
    auto board = FenceBoard::instance();
    const viaduct::LockGuard lock(mutex_);
    if (memory_) return;
    memory_ = memory;
    board_ = std::move(board);
    for (Use& use : uses_)
        if (!use.fence->is_signalled()) post_locked(use, {});
}

void Reservation::post_locked(Use& use, const FenceBoard::Post& previous) {
    if (!board_) return;
    use.post = board_->post(*memory_, use.access == Access::kWrite, previous);
    // Kept alive by its unfinished work, so that of_memory() finds that again.
    use.fence->on_signal(
        [self = shared_from_this(), board = board_, post = use.post](int) { board->finish(post); });
}

void Reservation::add(uint64_t owner, uint64_t timeline, const FencePtr& fence, Access access) {
    Use use{owner, timeline, access, fence, {}};
    std::vector<Use> dropped;  // destroyed without the lock
    const viaduct::LockGuard lock(mutex_);
    FenceBoard::Post previous;
    for (auto known = uses_.begin(); known != uses_.end();) {
        const bool same =
            known->owner == owner && known->timeline == timeline && known->access == access;
        if (same) previous = known->post;
        if (!same && !known->fence->is_signalled()) {
            ++known;
            continue;
        }
        dropped.push_back(std::move(*known));
        known = uses_.erase(known);
    }
    if (memory_) post_locked(use, previous);
    uses_.push_back(std::move(use));
}

void Reservation::add_foreign(const FencePtr& fence, Access access) {
    uint64_t timeline = 0;
    {
        const viaduct::LockGuard lock(mutex_);
        timeline = next_foreign_++;
    }
    add(0, timeline, fence, access);
}

template <typename Wanted>
std::vector<FencePtr> Reservation::select(bool writes_only, Wanted wanted) {
    std::vector<FencePtr> fences;
    std::vector<FenceBoard::Use> others;
    std::shared_ptr<FenceBoard> board;
    {
        const viaduct::LockGuard lock(mutex_);
        for (const Use& use : uses_) {
            if (writes_only && use.access == Access::kRead) continue;
            if (wanted(use) && !use.fence->is_signalled()) fences.push_back(use.fence);
        }
        board = board_;
        if (board) others = board->others(*memory_);
    }
    for (const FenceBoard::Use& use : others)
        if (use.writes || !writes_only) fences.push_back(watch_remote_fence(board, use.post));
    return fences;
}

std::vector<FencePtr> Reservation::pending() {
    return select(false, [](const Use&) { return true; });
}

std::vector<FencePtr> Reservation::pending_writes() {
    return select(true, [](const Use&) { return true; });
}

std::vector<FencePtr> Reservation::pending_of_others(uint64_t owner) {
    return select(false, [owner](const Use& use) { return use.owner != owner || owner == 0; });
}

}  // namespace simgpu::drm
