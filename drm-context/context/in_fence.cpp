#include "drm-context/context/in_fence.h"

#include "drm-context/device/syncobj.h"

namespace viaduct {

Status InFence::add(UniqueFd sync_file) {
    if (!pending_) {
        pending_ = std::move(sync_file);
        return {};
    }
    auto merged = device_.merge_sync_files(pending_.get(), sync_file.get());
    if (!merged) return tl::unexpected(merged.error());
    pending_ = *std::move(merged);
    return {};
}

Result<uint32_t> InFence::to_syncobj(const UniqueFd& sync_file) {
    if (syncobj_ == 0) {
        auto made = create_syncobj(device_);
        if (!made) return made;
        syncobj_ = *made;
    }
    if (auto status = import_sync_file(device_, syncobj_, sync_file); !status)
        return tl::unexpected(status.error());
    return syncobj_;
}

}  // namespace viaduct
