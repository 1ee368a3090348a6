// FenceRelay: carries retired fences to the VMM, by the rules it asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/flat_map.h"
#include "base/ids.h"
#include "base/quick_mutex.h"
#include "renderer/callbacks.h"

namespace viaduct {

/// When callbacks may run: on whatever thread learns of the retirement
/// (VIRGL_RENDERER_ASYNC_FENCE_CB), or only inside virgl_renderer_poll. A VMM that polls registers
/// a command after create_fence has returned: a callback from within that call would be lost.
enum class FenceDelivery { kAsync, kPolled };

/// Also the table of fences that native contexts still owe: ids are global, so a sync file is
/// asked for by the bare id. Thread-safe; no lock is held while a callback runs.
///
/// A guest may use a context's id again while the old one's work goes on. Of a fence that is
/// mergeable the VMM hears nothing once a later one of the same id and ring has been reported:
/// crosvm takes the last it hears of for the ring's progress, whichever that is.
class FenceRelay {
  public:
    void start(const Callbacks& callbacks, FenceDelivery delivery);
    /// Drops every fence known so far: the guest that waited for them is gone.
    void clear();
    /// Forgets everything. No fence may be reported afterwards until the next start().
    void stop();

    /// The origin of a pending fence. Fences of one ring of a context retire in order of number.
    struct Debt {
        ContextId ctx_id;
        RingIndex ring_idx;
        uint64_t number;
        bool mergeable;  // VIRGL_RENDERER_FENCE_FLAG_MERGEABLE
    };

    /// Notes that native context `ctx_id` owes `fence_id`; `flags`: VIRGL_RENDERER_FENCE_FLAG_*.
    void expect(ContextId ctx_id, RingIndex ring_idx, FenceId fence_id, uint32_t flags);
    /// Takes that back: the context did not accept the fence.
    void cancel(FenceId fence_id);
    /// Which native context owes `fence_id`, if it is still pending.
    std::optional<Debt> debt(FenceId fence_id) const;

    /// A fence of the context-0 timeline has retired.
    void global_retired(uint32_t fence_id);
    /// A fence of a context has retired. Any thread.
    void context_retired(ContextId ctx_id, RingIndex ring_idx, FenceId fence_id);

    /// Delivers what waits for a poll.
    void deliver();

  private:
    static constexpr ContextId kGlobal{0};  // no context has this id
    struct Retired {
        ContextId ctx_id;
        RingIndex ring_idx;
        FenceId fence_id;
    };
    /// Of a ring of one context id, while any of its fences is owed.
    struct Timeline {
        size_t owed = 0;
        uint64_t last_reported = 0;  // the highest number; 0: none
    };
    enum class Settled { kReported, kUnreported };

    static uint64_t timeline_key(ContextId ctx_id, RingIndex ring_idx) {
        return static_cast<uint64_t>(ctx_id.value()) << 32 | ring_idx.value();
    }
    void report(const Retired& fence);
    /// The fence is no longer owed. False if a report of it would be late.
    bool settle(FenceId fence_id, Settled how) VIADUCT_REQUIRES(mutex_);
    /// One fence of this timeline less.
    void no_longer_owed(uint64_t key) VIADUCT_REQUIRES(mutex_);
    static void call(const Callbacks& callbacks, const Retired& fence);

    mutable QuickMutex mutex_;
    Callbacks callbacks_ VIADUCT_GUARDED_BY(mutex_);
    FenceDelivery delivery_ VIADUCT_GUARDED_BY(mutex_) = FenceDelivery::kPolled;
    std::vector<Retired> waiting_ VIADUCT_GUARDED_BY(mutex_);
    FlatMap<Debt> owed_ VIADUCT_GUARDED_BY(mutex_);           // by fence id
    FlatMap<Timeline> timelines_ VIADUCT_GUARDED_BY(mutex_);  // by timeline_key()
    uint64_t last_number_ VIADUCT_GUARDED_BY(mutex_) = 0;
};

}  // namespace viaduct
