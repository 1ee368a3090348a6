// The buffers of one context: waiting under a blob id, or known to the guest by resource id.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "base/ids.h"
#include "base/result.h"
#include "drm-context/account/context_account.h"
#include "drm-context/context/gem_handles.h"
#include "drm-context/native_context.h"

namespace viaduct {

/// Whether others may read a buffer while this context's next submission writes to it, and who
/// sees to it that the submission waits for them.
enum class Readers : uint8_t {
    kNone,       // there are none, or the kernel waits
    kUnchecked,  // there may be; who waits is still to be found out
    kGuarded,    // DriverContext::wait_for_users() waits
};

struct BufferObject {
    GemReference handle;
    uint64_t size = 0;  // bytes, page-rounded: nobody maps more
    MapCache cache = MapCache::kNone;
    MemoryCharge charge = {};  // of buffers that were made here
    Readers readers = Readers::kNone;
};

/// blob_id → object until claimed, then res_id → object. Ids are the guest's: any value.
class ObjectTables {
  public:
    /// Stores a fresh object under `blob_id`. EINVAL: 0, above 32 bits or taken; ENOSPC: too many
    /// wait already.
    Status add_unclaimed(uint64_t blob_id, BufferObject object);
    /// EINVAL/ENOSPC as add_unclaimed would answer: asked before the kernel object is made.
    Status check_unclaimed(uint64_t blob_id) const;
    bool is_unclaimed(uint64_t blob_id) const { return find_unclaimed(blob_id) != nullptr; }
    /// Null if nothing waits under it.
    const BufferObject* find_unclaimed(uint64_t blob_id) const;
    /// The id of the newest object, once.
    std::optional<uint64_t> take_newest() { return std::exchange(newest_, std::nullopt); }
    /// Takes the object out. ENOENT if there is none.
    Result<BufferObject> claim(uint64_t blob_id);

    bool has_resource(ResourceId res_id) const { return resources_.contains(res_id); }
    void add_resource(ResourceId res_id, BufferObject object) {
        resources_.insert_or_assign(res_id, std::move(object));
    }
    void remove_resource(ResourceId res_id) { resources_.erase(res_id); }
    /// Null if the guest named a resource that is not attached here.
    BufferObject* find_resource(ResourceId res_id);

  private:
    std::map<uint32_t, BufferObject> unclaimed_;  // by blob id
    std::optional<uint64_t> newest_;
    std::map<ResourceId, BufferObject> resources_;
};

}  // namespace viaduct
