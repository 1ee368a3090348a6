#include "simgpu/intel/kernel/xe/syncs.h"

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "simgpu/intel/kernel/xe/memory.h"

namespace simgpu::intel::xe {

namespace {

using uapi::xe::Sync;

/// Whether the page of the qword at `addr` is mapped in this process.
bool is_mapped(uint64_t addr) {
    return ::msync(reinterpret_cast<void*>(addr & ~(kPage - 1)), 1, MS_ASYNC) == 0;
}

}  // namespace

int Syncs::parse(uint64_t pointer, uint32_t count, UserFences user_fences) {
    if (count != 0 && pointer == 0) return -EFAULT;
    for (uint32_t i = 0; i < count; ++i) {
        Sync sync{};
        std::memcpy(&sync, reinterpret_cast<const Sync*>(pointer) + i, sizeof(sync));
        if (const int error = parse_entry(sync, user_fences)) return error;
    }
    return user_fences_ > 1 ? -EINVAL : 0;
}

int Syncs::parse_entry(const Sync& sync, UserFences user_fences) {
    if (sync.extensions != 0) return -EINVAL;
    if (sync.flags & ~uapi::xe::kSyncSignal) return -EINVAL;
    if (sync.reserved[0] != 0 || sync.reserved[1] != 0) return -EINVAL;
    switch (sync.type) {
        case uapi::xe::kSyncSyncobj:
        case uapi::xe::kSyncTimelineSyncobj:
            return parse_syncobj(sync);
        case uapi::xe::kSyncUserFence:
            return parse_user_fence(sync, user_fences);
        default:
            return -EINVAL;
    }
}

int Syncs::parse_syncobj(const Sync& sync) {
    if (sync.handle_or_addr >> 32 != 0) return -EINVAL;
    const auto handle = static_cast<uint32_t>(sync.handle_or_addr);
    const bool timeline = sync.type == uapi::xe::kSyncTimelineSyncobj;
    if (timeline && sync.timeline_value == 0) return -EINVAL;
    const uint64_t value = timeline ? sync.timeline_value : 0;
    if (!file_.syncobjs().contains(handle)) return -ENOENT;
    if (sync.flags & uapi::xe::kSyncSignal) {
        signals_.push_back({handle, value});
        return 0;
    }
    int error = 0;
    drm::FencePtr fence = file_.syncobjs().find_fence(handle, value, &error);
    if (!fence) return error;
    waits_.push_back(std::move(fence));
    return 0;
}

int Syncs::parse_user_fence(const Sync& sync, UserFences user_fences) {
    if (user_fences == UserFences::kNone) return -EOPNOTSUPP;
    if (!(sync.flags & uapi::xe::kSyncSignal)) return -EOPNOTSUPP;
    if (sync.handle_or_addr % sizeof(uint64_t) != 0) return -EINVAL;
    if (user_fences == UserFences::kCpu && !is_mapped(sync.handle_or_addr)) return -EFAULT;
    user_fence_ = {sync.handle_or_addr, sync.timeline_value};
    ++user_fences_;
    return 0;
}

void Syncs::signal(const drm::FencePtr& fence) const {
    for (const Point& point : signals_)
        file_.syncobjs().attach_fence(point.handle, point.value, fence);
}

drm::FencePtr all_of(const std::vector<drm::FencePtr>& fences) {
    if (fences.empty()) return drm::Fence::signalled();
    // A chain of fences, one around the other, would signal in as deep a recursion.
    return fences.size() == 1 ? fences.front() : drm::Fence::all_of(fences);
}

void write_user_fence(const UserFence& fence) {
    uint64_t value = fence.value;
    const iovec from{&value, sizeof(value)};
    const iovec to{reinterpret_cast<void*>(fence.addr), sizeof(value)};
    // Not a store: the program may have unmapped the page meanwhile.
    (void)::process_vm_writev(::getpid(), &from, 1, &to, 1, 0);
}

}  // namespace simgpu::intel::xe
