#include "drm-context/context/objects.h"

namespace viaduct {

namespace {

// A guest claims each object right after it made it; more than a few waiting is a broken guest.
constexpr size_t kMaxUnclaimed = 1024;

}  // namespace

Status ObjectTables::check_unclaimed(uint64_t blob_id) const {
    if (blob_id == 0 || blob_id > UINT32_MAX)
        return fail(EINVAL, "blob id {:#x} is 0 or above 32 bits", blob_id);
    if (unclaimed_.contains(static_cast<uint32_t>(blob_id)))
        return fail(EINVAL, "blob id {:#x} is already waiting to be claimed", blob_id);
    if (unclaimed_.size() >= kMaxUnclaimed)
        return fail(ENOSPC,
                    "{} objects are waiting to be claimed, the maximum; refused blob id {:#x}",
                    unclaimed_.size(), blob_id);
    return {};
}

Status ObjectTables::add_unclaimed(uint64_t blob_id, BufferObject object) {
    if (auto status = check_unclaimed(blob_id); !status) return status;
    unclaimed_.emplace(static_cast<uint32_t>(blob_id), std::move(object));
    newest_ = blob_id;
    return {};
}

const BufferObject* ObjectTables::find_unclaimed(uint64_t blob_id) const {
    if (blob_id > UINT32_MAX) return nullptr;
    const auto found = unclaimed_.find(static_cast<uint32_t>(blob_id));
    return found == unclaimed_.end() ? nullptr : &found->second;
}

Result<BufferObject> ObjectTables::claim(uint64_t blob_id) {
    const auto found =
        blob_id > UINT32_MAX ? unclaimed_.end() : unclaimed_.find(static_cast<uint32_t>(blob_id));
    if (found == unclaimed_.end())
        return fail(ENOENT, "no object is waiting under blob id {:#x}", blob_id);
    BufferObject object = std::move(found->second);
    unclaimed_.erase(found);
    return object;
}

BufferObject* ObjectTables::find_resource(ResourceId res_id) {
    const auto found = resources_.find(res_id);
    return found == resources_.end() ? nullptr : &found->second;
}

}  // namespace viaduct
