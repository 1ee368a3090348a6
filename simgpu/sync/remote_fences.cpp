#include "simgpu/sync/remote_fences.h"

#include <unistd.h>

#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "simgpu/fork_mutex.h"
#include "simgpu/gpu_thread.h"

namespace simgpu::drm {

namespace {

using shared::FenceBoard;

class RemoteFences {
  public:
    explicit RemoteFences(std::shared_ptr<FenceBoard> board) : board_(std::move(board)) {}

    FencePtr watch(const FenceBoard::Post& post);
    const std::shared_ptr<FenceBoard>& board() const { return board_; }

  private:
    struct Watched {
        FenceBoard::Post post;
        FencePtr fence;
    };

    void run();
    /// False once there is nothing left to watch: the thread ends.
    bool take_finished(std::vector<FencePtr>* finished);

    const std::shared_ptr<FenceBoard> board_;
    viaduct::Mutex mutex_;
    bool running_ VIADUCT_GUARDED_BY(mutex_) = false;
    std::vector<Watched> watched_ VIADUCT_GUARDED_BY(mutex_);
};

FencePtr RemoteFences::watch(const FenceBoard::Post& post) {
    const viaduct::LockGuard lock(mutex_);
    for (const Watched& known : watched_)
        if (known.post.place == post.place && known.post.generation == post.generation &&
            known.post.sequence == post.sequence)
            return known.fence;
    watched_.push_back({post, Fence::create()});
    FencePtr fence = watched_.back().fence;
    if (!std::exchange(running_, true)) start_gpu_thread([this] { run(); }).detach();
    return fence;
}

bool RemoteFences::take_finished(std::vector<FencePtr>* finished) {
    const viaduct::LockGuard lock(mutex_);
    std::erase_if(watched_, [&](Watched& watched) {
        if (board_->is_pending(watched.post)) return false;
        finished->push_back(std::move(watched.fence));
        return true;
    });
    return running_ = !watched_.empty();
}

void RemoteFences::run() {
    for (bool more = true; more;) {
        const uint32_t seen = board_->events();
        std::vector<FencePtr> finished;
        more = take_finished(&finished);
        for (const FencePtr& fence : finished) fence->signal();
        if (more && finished.empty()) board_->wait(seen);
    }
}

}  // namespace

FencePtr watch_remote_fence(const std::shared_ptr<FenceBoard>& board,
                            const FenceBoard::Post& post) {
    static auto& mutex = *new ForkMutex;    // outlives static objects
    static RemoteFences* fences = nullptr;  // never destroyed: its thread uses it
    const viaduct::LockGuard lock(mutex);
    // Threads do not survive fork(): a child, which has a board of its own, begins anew.
    if (!fences || fences->board() != board) fences = new RemoteFences(board);
    return fences->watch(post);
}

}  // namespace simgpu::drm
