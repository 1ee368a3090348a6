#include "drm-context/context/gem_handles.h"

#include <drm.h>

namespace viaduct {

void GemHandleTable::release(GemHandle handle) {
    const auto found = counts_.find(handle);
    if (found == counts_.end() || --found->second > 0) return;
    counts_.erase(found);
    drm_gem_close close{};
    close.handle = handle.value();
    device_.ioctl(DRM_IOCTL_GEM_CLOSE, &close);
    if (closed_) closed_(handle);
}

}  // namespace viaduct
