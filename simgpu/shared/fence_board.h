// FenceBoard: which buffers' work is unfinished, for the processes that share the buffers.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "simgpu/shared/device.h"

namespace simgpu::shared {

/// A dma-buf, by the file behind its descriptors.
struct MemoryId {
    uint64_t device = 0;  // st_dev
    uint64_t inode = 0;   // st_ino
    auto operator<=>(const MemoryId&) const = default;
};

/// One for all simulated devices of a user, as dma-bufs travel between them. Programs of simulated
/// guests have another: a guest's kernel and its host's each have reservations of their own for a
/// buffer. Thread-safe. What a
/// process has posted counts as finished when it dies.
class FenceBoard {
  public:
    enum class Kernel { kHost, kGuest };

    /// Whose reservations this process's board holds; kHost unless this is called, before
    /// instance().
    static void act_for(Kernel kernel);
    /// This process's board; null if it cannot be had (a line in the log says why). A forked child
    /// gets one of its own.
    static std::shared_ptr<FenceBoard> instance();

    /// A piece of work. Those of one place finish in the order in which they were posted.
    struct Post {
        uint32_t place = UINT32_MAX;  // none: it was not posted
        uint32_t generation = 0;
        uint64_t sequence = 0;
    };
    struct Use {
        Post post;
        bool writes = false;
    };

    /// Announces work on `memory`; `previous`: what was posted before it on the same timeline, or
    /// an empty one. An empty result: the board is full, others will not wait.
    Post post(const MemoryId& memory, bool writes, const Post& previous);
    void finish(const Post& post);
    /// Unfinished work of other processes.
    std::vector<Use> others(const MemoryId& memory);
    bool is_pending(const Post& post) const;

    /// Waits until something has finished since `seen` was read, or some milliseconds.
    uint32_t events() const;
    void wait(uint32_t seen);

  private:
    explicit FenceBoard(std::shared_ptr<SharedDevice> seat) : seat_(std::move(seat)) {}

    const std::shared_ptr<SharedDevice> seat_;
};

}  // namespace simgpu::shared
