#include "simgpu/sync/syncobj.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "simgpu/sync/drm_uapi.h"
#include "simgpu/sync/syncobj_object.h"
#include "simgpu/sync/syncobj_wait.h"

namespace simgpu::drm {

namespace {

/// Arrays the user may name. The kernel's bound is what kmalloc can give: 4 MiB of handles.
constexpr uint32_t kMaxHandles = 1u << 20;

using TimePoint = std::chrono::steady_clock::time_point;

/// An absolute CLOCK_MONOTONIC time in nanoseconds; negative ones are long past.
TimePoint deadline_of(int64_t nanoseconds) {
    return TimePoint(std::chrono::nanoseconds(std::max<int64_t>(nanoseconds, 0)));
}

}  // namespace

/// The ioctls, each on its own argument structure; errno values are those of the kernel's
/// drm_syncobj.c.
class SyncobjIoctls {
  public:
    explicit SyncobjIoctls(SyncobjTable& table) : table_(table) {}

    int create(void* argument) {
        auto& args = *static_cast<drm_syncobj_create*>(argument);
        if (args.flags & ~uint32_t{DRM_SYNCOBJ_CREATE_SIGNALED}) return -EINVAL;
        args.handle = table_.create(args.flags ? Fence::signalled() : nullptr);
        return 0;
    }

    int destroy(void* argument) {
        const auto& args = *static_cast<const drm_syncobj_destroy*>(argument);
        if (args.pad != 0) return -EINVAL;
        return table_.erase(args.handle) ? 0 : -EINVAL;
    }

    int handle_to_fd(void* argument) {
        auto& args = *static_cast<SyncobjHandleArgs*>(argument);
        constexpr uint32_t kSyncFile = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE;
        if (args.pad != 0 || (args.flags & ~(kSyncFile | kSyncobjFdTimeline))) return -EINVAL;
        const uint64_t point = args.flags & kSyncobjFdTimeline ? args.point : 0;
        viaduct::UniqueFd fd;
        if (args.flags & kSyncFile) {
            int error = 0;
            const FencePtr fence = table_.find_fence(args.handle, point, &error);
            if (!fence) return error;
            fd = fence->export_sync_file();
        } else {
            const SyncobjPtr object = table_.find(args.handle);
            if (!object || point != 0) return -EINVAL;
            fd = export_syncobj(object);
        }
        if (!fd) return -EMFILE;
        args.fd = fd.release();
        return 0;
    }

    int fd_to_handle(void* argument) {
        auto& args = *static_cast<SyncobjHandleArgs*>(argument);
        constexpr uint32_t kSyncFile = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE;
        if (args.pad != 0 || (args.flags & ~(kSyncFile | kSyncobjFdTimeline))) return -EINVAL;
        const uint64_t point = args.flags & kSyncobjFdTimeline ? args.point : 0;
        if (args.flags & kSyncFile) {
            FencePtr fence = Fence::from_sync_file(args.fd);
            if (!fence) return -EINVAL;
            return table_.attach_fence(args.handle, point, std::move(fence)) ? 0 : -ENOENT;
        }
        SyncobjPtr object = import_syncobj(args.fd);
        if (!object || point != 0) return -EINVAL;
        args.handle = table_.insert(std::move(object));
        return 0;
    }

    int wait(void* argument) {
        auto& args = *static_cast<SyncobjWaitArgs*>(argument);
        constexpr uint32_t kAllowed = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL |
                                      DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT | kSyncobjWaitDeadline;
        if (args.flags & ~kAllowed) return -EINVAL;
        return run_wait(args, 0);
    }

    int timeline_wait(void* argument) {
        auto& args = *static_cast<SyncobjTimelineWaitArgs*>(argument);
        constexpr uint32_t kAllowed = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL |
                                      DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT |
                                      DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE | kSyncobjWaitDeadline;
        if (args.flags & ~kAllowed) return -EINVAL;
        return run_wait(args, args.points);
    }

    int reset(void* argument) {
        const auto& args = *static_cast<const drm_syncobj_array*>(argument);
        if (args.pad != 0) return -EINVAL;
        return for_each(args.handles, 0, args.count_handles,
                        [](const SyncobjPoint& entry) { entry.object->replace(nullptr); });
    }

    int signal(void* argument) {
        const auto& args = *static_cast<const drm_syncobj_array*>(argument);
        if (args.pad != 0) return -EINVAL;
        return for_each(args.handles, 0, args.count_handles, [](const SyncobjPoint& entry) {
            entry.object->replace(Fence::signalled());
        });
    }

    int timeline_signal(void* argument) {
        const auto& args = *static_cast<const drm_syncobj_timeline_array*>(argument);
        if (args.flags != 0) return -EINVAL;
        return for_each(args.handles, args.points, args.count_handles,
                        [](const SyncobjPoint& entry) {
                            entry.object->add_point(entry.point, Fence::signalled());
                        });
    }

    int query(void* argument) {
        const auto& args = *static_cast<const drm_syncobj_timeline_array*>(argument);
        constexpr uint32_t kSubmitted = DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED;
        if (args.flags & ~kSubmitted) return -EINVAL;
        auto* out = reinterpret_cast<uint64_t*>(args.points);
        if (!out && args.count_handles != 0) return -EFAULT;
        return for_each(args.handles, 0, args.count_handles, [&](const SyncobjPoint& entry) {
            *out++ = args.flags & kSubmitted ? entry.object->submitted_point()
                                             : entry.object->reached_point();
        });
    }

    int transfer(void* argument) {
        const auto& args = *static_cast<const drm_syncobj_transfer*>(argument);
        constexpr uint32_t kForSubmit = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT;
        if (args.pad != 0 || (args.flags & ~kForSubmit)) return -EINVAL;
        if (!table_.find(args.dst_handle)) return -ENOENT;
        int error = 0;
        FencePtr fence = args.flags & kForSubmit
                             ? table_.wait_for_fence(args.src_handle, args.src_point, &error)
                             : table_.find_fence(args.src_handle, args.src_point, &error);
        if (!fence) return error;
        const bool done = table_.attach_fence(args.dst_handle, args.dst_point, std::move(fence));
        return done ? 0 : -ENOENT;
    }

    int eventfd(void* argument) {
        const auto& args = *static_cast<const SyncobjEventfdArgs*>(argument);
        constexpr uint32_t kAvailable = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE;
        if (args.pad != 0 || (args.flags & ~kAvailable)) return -EINVAL;
        SyncobjPtr object = table_.find(args.handle);
        if (!object) return -ENOENT;
        viaduct::UniqueFd copy = viaduct::UniqueFd::duplicate_of(args.fd);
        if (!copy) return -EBADF;
        notify_eventfd({std::move(object), args.point}, args.flags != 0, std::move(copy));
        return 0;
    }

  private:
    /// Looks up a user's array of handles, and of points where there is one.
    int collect(uint64_t handles, uint64_t points, uint32_t count, std::vector<SyncobjPoint>* out) {
        if (count == 0) return -EINVAL;
        if (count > kMaxHandles) return -ENOMEM;
        if (handles == 0) return -EFAULT;
        const std::span handle_array(reinterpret_cast<const uint32_t*>(handles), count);
        const auto* point_array = reinterpret_cast<const uint64_t*>(points);
        for (size_t i = 0; i < count; ++i) {
            SyncobjPtr object = table_.find(handle_array[i]);
            if (!object) return -ENOENT;
            out->push_back({std::move(object), point_array ? point_array[i] : 0});
        }
        return 0;
    }

    template <typename Action>
    int for_each(uint64_t handles, uint64_t points, uint32_t count, Action action) {
        std::vector<SyncobjPoint> entries;
        if (const int error = collect(handles, points, count, &entries)) return error;
        for (const SyncobjPoint& entry : entries) action(entry);
        return 0;
    }

    template <typename Args>
    int run_wait(Args& args, uint64_t points) {
        SyncobjWait wait;
        if (const int error = collect(args.handles, points, args.count_handles, &wait.points))
            return error;
        wait.all = args.flags & DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL;
        wait.for_submit = args.flags & DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT;
        wait.available = args.flags & DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE;
        wait.deadline = deadline_of(args.timeout_nsec);
        uint32_t first = 0;
        if (const int error = wait_syncobjs(wait, &first)) return error;
        args.first_signaled = first;
        return 0;
    }

    SyncobjTable& table_;
};

namespace {

struct IoctlEntry {
    unsigned nr;
    const char* name;
    size_t size;
    int (SyncobjIoctls::*handler)(void*);
};

constexpr std::array kIoctls = {
    IoctlEntry{nr::kSyncobjCreate, "SYNCOBJ_CREATE", sizeof(drm_syncobj_create),
               &SyncobjIoctls::create},
    IoctlEntry{nr::kSyncobjDestroy, "SYNCOBJ_DESTROY", sizeof(drm_syncobj_destroy),
               &SyncobjIoctls::destroy},
    IoctlEntry{nr::kSyncobjHandleToFd, "SYNCOBJ_HANDLE_TO_FD", sizeof(SyncobjHandleArgs),
               &SyncobjIoctls::handle_to_fd},
    IoctlEntry{nr::kSyncobjFdToHandle, "SYNCOBJ_FD_TO_HANDLE", sizeof(SyncobjHandleArgs),
               &SyncobjIoctls::fd_to_handle},
    IoctlEntry{nr::kSyncobjWait, "SYNCOBJ_WAIT", sizeof(SyncobjWaitArgs), &SyncobjIoctls::wait},
    IoctlEntry{nr::kSyncobjReset, "SYNCOBJ_RESET", sizeof(drm_syncobj_array),
               &SyncobjIoctls::reset},
    IoctlEntry{nr::kSyncobjSignal, "SYNCOBJ_SIGNAL", sizeof(drm_syncobj_array),
               &SyncobjIoctls::signal},
    IoctlEntry{nr::kSyncobjTimelineWait, "SYNCOBJ_TIMELINE_WAIT", sizeof(SyncobjTimelineWaitArgs),
               &SyncobjIoctls::timeline_wait},
    IoctlEntry{nr::kSyncobjQuery, "SYNCOBJ_QUERY", sizeof(drm_syncobj_timeline_array),
               &SyncobjIoctls::query},
    IoctlEntry{nr::kSyncobjTransfer, "SYNCOBJ_TRANSFER", sizeof(drm_syncobj_transfer),
               &SyncobjIoctls::transfer},
    IoctlEntry{nr::kSyncobjTimelineSignal, "SYNCOBJ_TIMELINE_SIGNAL",
               sizeof(drm_syncobj_timeline_array), &SyncobjIoctls::timeline_signal},
    IoctlEntry{nr::kSyncobjEventfd, "SYNCOBJ_EVENTFD", sizeof(SyncobjEventfdArgs),
               &SyncobjIoctls::eventfd},
};

const IoctlEntry* find_entry(unsigned nr) {
    const auto entry = std::ranges::find(kIoctls, nr, &IoctlEntry::nr);
    return entry == kIoctls.end() ? nullptr : &*entry;
}

}  // namespace

bool is_syncobj_ioctl(unsigned nr) {
    return find_entry(nr) != nullptr;
}

size_t syncobj_ioctl_size(unsigned nr) {
    const IoctlEntry* entry = find_entry(nr);
    return entry ? entry->size : 0;
}

const char* syncobj_ioctl_name(unsigned nr) {
    const IoctlEntry* entry = find_entry(nr);
    return entry ? entry->name : nullptr;
}

SyncobjPtr make_syncobj(FencePtr fence) {
    auto object = std::make_shared<Syncobj>();
    if (fence) object->replace(std::move(fence));
    return object;
}

int SyncobjTable::ioctl(unsigned nr, void* argument) {
    const IoctlEntry* entry = find_entry(nr);
    if (!entry) return -ENOTTY;
    if (!argument) return -EFAULT;
    SyncobjIoctls ioctls(*this);
    return (ioctls.*entry->handler)(argument);
}

FencePtr SyncobjTable::find_fence(uint32_t handle, uint64_t point, int* error) {
    const SyncobjPtr object = find(handle);
    FencePtr fence = object ? object->find(point) : nullptr;
    if (!fence) *error = object ? -EINVAL : -ENOENT;
    return fence;
}

FencePtr SyncobjTable::wait_for_fence(uint32_t handle, uint64_t point, int* error) {
    // drm_syncobj.c: DRM_SYNCOBJ_WAIT_FOR_SUBMIT_TIMEOUT.
    constexpr auto kLimit = std::chrono::seconds(5);
    const SyncobjPtr object = find(handle);
    if (!object) {
        *error = -ENOENT;
        return nullptr;
    }
    SyncobjWait wait;
    wait.points = {{object, point}};
    wait.available = true;
    wait.deadline = std::chrono::steady_clock::now() + kLimit;
    uint32_t first = 0;
    *error = wait_syncobjs(wait, &first);
    if (*error != 0) return nullptr;
    FencePtr fence = object->find(point);
    if (!fence) *error = -EINVAL;  // reset again in the meantime
    return fence;
}

bool SyncobjTable::attach_fence(uint32_t handle, uint64_t point, FencePtr fence) {
    const SyncobjPtr object = find(handle);
    if (!object) return false;
    if (point == 0)
        object->replace(std::move(fence));
    else
        object->add_point(point, fence);
    return true;
}

bool SyncobjTable::reset(uint32_t handle) {
    const SyncobjPtr object = find(handle);
    if (object) object->replace(nullptr);
    return object != nullptr;
}

uint32_t SyncobjTable::create(FencePtr fence) {
    return insert(make_syncobj(std::move(fence)));
}

SyncobjPtr SyncobjTable::find(uint32_t handle) {
    const viaduct::LockGuard lock(mutex_);
    const auto found = objects_.find(handle);
    return found == objects_.end() ? nullptr : found->second;
}

uint32_t SyncobjTable::insert(SyncobjPtr object) {
    const viaduct::LockGuard lock(mutex_);
    while (next_handle_ == 0 || objects_.contains(next_handle_)) ++next_handle_;
    objects_.emplace(next_handle_, std::move(object));
    return next_handle_++;
}

bool SyncobjTable::erase(uint32_t handle) {
    SyncobjPtr removed;  // destroyed without the lock
    const viaduct::LockGuard lock(mutex_);
    const auto found = objects_.find(handle);
    if (found == objects_.end()) return false;
    removed = std::move(found->second);
    objects_.erase(found);
    return true;
}

}  // namespace simgpu::drm
