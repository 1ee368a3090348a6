// GemTable: what the layer knows about the buffers of one open file.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/mutex.h"
#include "guest-mesa/layer/kernel.h"

namespace viaduct::guest {

/// A use of a buffer by the GPU: done once timeline `ring` has reached `point`.
struct RingUse {
    RingIndex ring;
    uint64_t point;
};

struct GemObject {
    ResourceId resource = {};
    uint64_t size = 0;
    /// Others can reach it (exported, imported, or not made by us): uses are told to the node.
    bool shared = true;
    /// Part of every submission without being listed.
    bool always_valid = false;
};

/// Handle → buffer. The handles are the virtio-gpu node's own. Thread-safe.
class GemTable {
  public:
    void insert(GemHandle handle, const GemObject& object);
    /// The object behind `handle`. Asks the node about handles that came another way (imported,
    /// dumb buffers); nothing if it does not know them either.
    std::optional<GemObject> find(const Channel& channel, GemHandle handle);
    /// Likewise, without asking the node.
    std::optional<GemObject> find_known(GemHandle handle) const;
    void set_shared(GemHandle handle);
    void erase(GemHandle handle);

    void add_use(std::span<const GemHandle> handles, RingUse use);
    /// Newest use per ring.
    std::vector<RingUse> uses(GemHandle handle) const;

  private:
    struct Entry {
        GemObject object;
        std::vector<RingUse> uses;
    };

    mutable Mutex mutex_;
    std::unordered_map<GemHandle, Entry> entries_ VIADUCT_GUARDED_BY(mutex_);
};

}  // namespace viaduct::guest
