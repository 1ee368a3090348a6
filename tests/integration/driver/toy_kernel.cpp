#include "tests/integration/driver/toy_kernel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "drm-context/device/device_source.h"

namespace viaduct {

namespace test::toy {

namespace {

/// Jobs end at once, or when they are released: a sync file is a socket that hangs up then. (A
/// jailed worker with a simulated GPU may make sockets.)
class Jobs {
  public:
    UniqueFd begin() {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return UniqueFd();
        UniqueFd sync_file(ends[0]), job(ends[1]);
        const std::lock_guard lock(mutex_);
        if (held_) jobs_.push_back(std::move(job));
        ++begun_;
        return sync_file;
    }
    void hold() {
        const std::lock_guard lock(mutex_);
        held_ = true;
        begun_ = 0;
    }
    uint32_t begun() {
        const std::lock_guard lock(mutex_);
        return begun_;
    }
    void release() {
        const std::lock_guard lock(mutex_);
        held_ = false;
        jobs_.clear();
    }

  private:
    std::mutex mutex_;
    bool held_ = false;
    uint32_t begun_ = 0;
    std::vector<UniqueFd> jobs_;
};

Jobs& jobs() {
    static Jobs all;
    return all;
}

bool has_ended(int sync_file) {
    pollfd entry{sync_file, POLLIN, 0};
    return ::poll(&entry, 1, 0) > 0;
}

/// One open file.
class Kernel final : public Device {
  public:
    int ioctl(unsigned long request, void* argument) override {
        if (const int result = core_ioctl(request, argument); result != kUnknown) return result;
        switch (static_cast<uint32_t>(request)) {
            case kTwice0:
            case kTwice1:
            case kTwice2:
            case kTwice3:
            case kTwice4:
                as<Pair>(argument).out = 2 * as<Pair>(argument).in;
                return 0;
            case kTaken0:
            case kTaken1:
            case kTaken2:
            case kTaken3:
                ++taken_;
                return 0;
            case kQueueNew:
                as<Pair>(argument).out = ++last_queue_;
                queues_.insert(last_queue_);
                return 0;
            case kQueueClose:
                return queues_.erase(as<One>(argument).value) ? 0 : -ENOENT;
            case kContextCreate:
                as<One>(argument).value = ++last_context_;
                return 0;
            case kContextDestroy:
                banned_.erase(as<One>(argument).value);
                return 0;
            case kGetParam:
                return get_param(as<GetParam>(argument));
            case kGemCreate:
                return create(as<Create>(argument));
            case kExec:
                return exec(as<Exec>(argument));
            case kMadvise:
                as<Madvise>(argument).retained = 1;
                return buffers_.contains(as<Madvise>(argument).handle) ? 0 : -ENOENT;
            case kMmapOffset:
                as<MmapOffset>(argument).offset = uint64_t{as<MmapOffset>(argument).handle} << 12;
                return 0;
            default:
                return -ENOTTY;
        }
    }
    Result<MapSource> map_source(uint64_t offset) override {
        const auto buffer = buffers_.find(static_cast<uint32_t>(offset >> 12));
        if (buffer == buffers_.end()) return fail(EINVAL, "nothing at {:#x}", offset);
        return MapSource{buffer->second.duplicate(), 0};
    }
    /// Jobs are released together: the one that has not ended stands for both.
    Result<UniqueFd> merge_sync_files(int a, int b) override {
        return UniqueFd::duplicate_of(has_ended(a) ? b : a);
    }
    Result<SyncFileState> sync_file_state(int sync_file) override {
        return SyncFileState{has_ended(sync_file) ? 1 : 0, 0};
    }
    int fd() const override { return file_.get(); }

  private:
    static constexpr int kUnknown = 1;

    template <typename T>
    static T& as(void* argument) {
        return *static_cast<T*>(argument);
    }

    int core_ioctl(unsigned long request, void* argument) {
        switch (request) {
            case DRM_IOCTL_VERSION:
                as<drm_version>(argument).version_major = 1;
                std::strncpy(as<drm_version>(argument).name, "toy",
                             as<drm_version>(argument).name_len);
                return 0;
            case DRM_IOCTL_SYNCOBJ_CREATE:
                as<drm_syncobj_create>(argument).handle = ++last_syncobj_;
                syncobjs_[last_syncobj_] = jobs_that_ended();
                return 0;
            case DRM_IOCTL_SYNCOBJ_DESTROY:
                return syncobjs_.erase(as<drm_syncobj_destroy>(argument).handle) ? 0 : -EINVAL;
            case DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD:
                return give(syncobjs_, as<drm_syncobj_handle>(argument));
            case DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE: {
                auto& call = as<drm_syncobj_handle>(argument);
                syncobjs_[call.handle] = UniqueFd::duplicate_of(call.fd);
                return 0;
            }
            case DRM_IOCTL_SYNCOBJ_WAIT: {
                const auto& wait = as<drm_syncobj_wait>(argument);
                const uint32_t handle = *reinterpret_cast<const uint32_t*>(wait.handles);
                return has_ended(syncobjs_[handle].get()) ? 0 : -ETIME;
            }
            case DRM_IOCTL_PRIME_HANDLE_TO_FD:
                return give(buffers_, as<drm_prime_handle>(argument));
            case DRM_IOCTL_GEM_CLOSE:
                return buffers_.erase(as<drm_gem_close>(argument).handle) ? 0 : -EINVAL;
            default:
                return kUnknown;
        }
    }

    static UniqueFd jobs_that_ended() {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return UniqueFd();
        const UniqueFd closed(ends[1]);
        return UniqueFd(ends[0]);
    }
    template <typename Call>
    static int give(const std::map<uint32_t, UniqueFd>& from, Call& call) {
        const auto found = from.find(call.handle);
        if (found == from.end()) return -ENOENT;
        call.fd = found->second.duplicate().release();
        return call.fd < 0 ? -EMFILE : 0;
    }

    int get_param(GetParam& call) const {
        if (call.param != kParamAnswer && call.param != kParamTaken) return -EINVAL;
        call.value = call.param == kParamAnswer ? kAnswer : taken_;
        return 0;
    }
    int create(Create& call) {
        UniqueFd memory(::memfd_create("toy-buffer", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        if (!memory || ::ftruncate(memory.get(), static_cast<off_t>(call.size)) != 0)
            return -ENOMEM;
        ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
        call.handle = ++last_buffer_;
        buffers_[call.handle] = std::move(memory);
        return 0;
    }
    int exec(const Exec& call) {
        if (call.hangs) banned_.insert(call.context);
        if (banned_.contains(call.context)) return -EIO;
        if (!syncobjs_.contains(call.out_syncobj)) return -ENOENT;
        syncobjs_[call.out_syncobj] = jobs().begin();
        return 0;
    }

    const UniqueFd file_{::memfd_create("toy-file", MFD_CLOEXEC)};
    std::map<uint32_t, UniqueFd> buffers_, syncobjs_;
    std::set<uint64_t> queues_, banned_;
    uint32_t last_buffer_ = 0, last_syncobj_ = 0, last_context_ = 0, taken_ = 0;
    uint64_t last_queue_ = 6;  // ids that are not rings
};

}  // namespace

void hold_jobs() {
    jobs().hold();
}
void release_jobs() {
    jobs().release();
}
uint32_t jobs_begun() {
    return jobs().begun();
}

}  // namespace test::toy

// In place of drm-context/device/device_source.cpp.
Result<std::unique_ptr<Device>> open_device(DeviceSource) {
    auto kernel = std::make_unique<test::toy::Kernel>();
    if (auto status = kernel->read_version(); !status) return tl::unexpected(status.error());
    return std::unique_ptr<Device>(std::move(kernel));
}

}  // namespace viaduct
