// BufferCache: the compositor's buffers for the dma-bufs that frames come in.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "display/frame.h"
#include "display/wayland/protocol.h"
#include "display/wayland/sync_timeline.h"

namespace viaduct::wayland {

/// Memory to be given back when the compositor no longer reads it.
struct Hold {
    uint64_t frame = 0;   // to its producer,
    uint64_t target = 0;  // unless it is a copy: to GpuCopies
};

/// A dma-buf as the compositor has imported it. Every flip brings new descriptors of the same few
/// buffers; they are recognised by their layout, which contains their inodes.
struct Buffer {
    enum class State { kCreating, kReady, kFailed };

    FrameLayout layout;
    /// Keeps the inodes, so that none of them comes to mean another buffer.
    std::vector<SharedFd> memory;
    State state = State::kCreating;
    BufferParams params;  // while it is being created
    WlBuffer handle;

    /// Frames that the compositor holds: released by wl_buffer.release ...
    std::vector<Hold> held;
    /// ... or, with explicit synchronisation, one by one: frames under way, and the timelines.
    unsigned points_pending = 0;
    std::unique_ptr<SyncTimeline> acquire;
    std::unique_ptr<SyncTimeline> release;
    SyncobjTimeline acquire_handle;
    SyncobjTimeline release_handle;
    uint64_t last_point = 0;

    bool busy() const { return state == State::kCreating || !held.empty() || points_pending > 0; }
};

class BufferCache {
  public:
    /// Idle buffers beyond it are given up, the oldest first: the compositor keeps their memory
    /// alive, and so a guest's budget would be exceeded by what it has freed.
    static constexpr size_t kMost = 8;

    struct Events {
        std::function<void(Buffer&)> created;  // or failed
        std::function<void(Buffer&)> released;
    };
    explicit BufferCache(Events events) : events_(std::move(events)) {}
    BufferCache(const BufferCache&) = delete;
    BufferCache& operator=(const BufferCache&) = delete;

    /// The buffer of the frame's layout. Asks the compositor for a new one, with `modifier` for
    /// its layout, unless it is there; that ends in an event. Stays valid while it is busy, and
    /// until the next call.
    Buffer& find_or_create(const Frame& frame, uint64_t modifier, zwp_linux_dmabuf_v1* dmabuf);
    /// Forgets which buffers failed: another table of formats may have come.
    void retry_failed();
    size_t size() const { return buffers_.size(); }
    std::list<Buffer>& buffers() { return buffers_; }

  private:
    static const zwp_linux_buffer_params_v1_listener kParamsListener;
    static const wl_buffer_listener kBufferListener;
    void drop_oldest();
    static void create(Buffer& buffer, const Frame& frame, uint64_t modifier,
                       zwp_linux_dmabuf_v1* dmabuf);
    Buffer* find(const void* proxy);

    Events events_;
    std::list<Buffer> buffers_;  // the latest used first
};

}  // namespace viaduct::wayland
