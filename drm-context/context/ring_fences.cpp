#include "drm-context/context/ring_fences.h"

#include <poll.h>

#include "drm-context/device/syncobj.h"

namespace viaduct {

namespace {

bool is_pending(const UniqueFd& sync_file) {
    pollfd entry{sync_file.get(), POLLIN, 0};
    return ::poll(&entry, 1, 0) == 0;
}

}  // namespace

Status RingFences::add(RingIndex ring) {
    auto syncobj = create_syncobj(device_);
    if (!syncobj) return tl::unexpected(syncobj.error());
    rings_.at(ring.value()).syncobj = *syncobj;
    return {};
}

bool RingFences::keep_older_work(Ring& ring) {
    UniqueFd newest;
    if (export_sync_file(device_, ring.syncobj, newest) < 0) return false;
    if (ring.older_work) {
        auto both = device_.merge_sync_files(ring.older_work.get(), newest.get());
        if (!both) return false;
        newest = *std::move(both);
    }
    ring.older_work = std::move(newest);
    ring.only_copy = false;
    return true;
}

// Without a descriptor for it, the kernel is to keep the order.
uint32_t RingFences::make_room(Ring& ring) {
    return keep_older_work(ring) ? 0 : ring.syncobj;
}

UniqueFd RingFences::take_newest(RingIndex ring) {
    Ring& own = rings_.at(ring.value());
    own.new_work = false;
    UniqueFd newest;
    // A descriptor that cannot be had leaves all as it is: what is not covered is still to be kept.
    if (keep_older_work(own)) newest = std::move(own.older_work);
    return newest;
}

bool RingFences::idle(RingIndex ring) {
    if (!has(ring)) return true;
    Ring& own = rings_[ring.value()];
    if (own.older_work && is_pending(own.older_work)) return false;
    own.older_work.reset();
    return has_signalled(device_, own.syncobj);
}

}  // namespace viaduct
