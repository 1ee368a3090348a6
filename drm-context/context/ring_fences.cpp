#include "drm-context/context/ring_fences.h"

#include <poll.h>

#include <algorithm>

#include "drm-context/device/syncobj.h"

namespace viaduct {

namespace {

bool is_pending(const UniqueFd& sync_file) {
    pollfd entry{sync_file.get(), POLLIN, 0};
    return ::poll(&entry, 1, 0) == 0;
}

}  // namespace

Status RingFences::add(uint32_t ring) {
    auto syncobj = create_syncobj(device_);
    if (!syncobj) return tl::unexpected(syncobj.error());
    rings_.resize(std::max<size_t>(rings_.size(), ring + 1));
    rings_[ring].syncobj = *syncobj;
    return {};
}

Status RingFences::keep_older_work(Ring& ring) {
    auto newest = export_sync_file(device_, ring.syncobj);
    if (newest && ring.older_work)
        newest = device_.merge_sync_files(ring.older_work.get(), newest->get());
    if (!newest) return tl::unexpected(newest.error());
    ring.older_work = *std::move(newest);
    return {};
}

uint32_t RingFences::make_room(uint32_t ring, uint32_t queue) {
    Ring& own = rings_.at(ring);
    if (!own.new_work || own.newest_queue == queue) return 0;
    // Without a descriptor for it, the kernel is to keep the order.
    return keep_older_work(own) ? 0 : own.syncobj;
}

void RingFences::submitted(uint32_t ring, uint32_t queue) {
    Ring& own = rings_.at(ring);
    own.new_work = true;
    own.newest_queue = queue;
}

UniqueFd RingFences::take_newest(uint32_t ring) {
    Ring& own = rings_.at(ring);
    own.new_work = false;
    if (!own.older_work) {
        auto newest = export_sync_file(device_, own.syncobj);
        return newest ? *std::move(newest) : UniqueFd();
    }
    if (!keep_older_work(own)) return UniqueFd();
    return std::move(own.older_work);
}

bool RingFences::idle(uint32_t ring) {
    if (!has(ring)) return true;
    Ring& own = rings_[ring];
    if (own.older_work && is_pending(own.older_work)) return false;
    own.older_work.reset();
    return has_signalled(device_, own.syncobj);
}

}  // namespace viaduct
