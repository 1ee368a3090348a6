// Sync files: fences as descriptors. The user holds the outer end of a pipe. Signalling closes the
// inner end, as does the death of the signaller, so that the descriptor's poll ends in any process
// once there is nothing left to wait for.
#include <fmt/format.h>
#include <linux/sync_file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>

#include "base/mutex.h"
#include "simgpu/clock.h"
#include "simgpu/fork_mutex.h"
#include "simgpu/sync/completion_pipe.h"
#include "simgpu/sync/fd_watcher.h"
#include "simgpu/sync/fence.h"

namespace simgpu::drm {

namespace {

/// The fences of this process that live in sync files, so that importing one of our own needs
/// neither descriptor nor thread.
class ExportedFences {
  public:
    static ExportedFences& instance() {
        static auto* fences = new ExportedFences;  // outlives every thread that signals
        return *fences;
    }
    void add(uint64_t id, const FencePtr& fence) {
        const viaduct::LockGuard lock(mutex_);
        fences_[id] = Entry{fence, ::getpid()};
    }
    void remove(uint64_t id) {
        const viaduct::LockGuard lock(mutex_);
        fences_.erase(id);
    }
    FencePtr find(uint64_t id) {
        const viaduct::LockGuard lock(mutex_);
        const auto found = fences_.find(id);
        // After fork() nobody signals the child's copies.
        if (found == fences_.end() || found->second.maker != ::getpid()) return nullptr;
        return found->second.fence.lock();
    }

  private:
    struct Entry {
        std::weak_ptr<Fence> fence;
        pid_t maker = 0;
    };
    ForkMutex mutex_;
    std::map<uint64_t, Entry> fences_ VIADUCT_GUARDED_BY(mutex_);
};

/// The signaller's end of one sync file.
class Signaller {
  public:
    Signaller(viaduct::UniqueFd inner, uint64_t id) : inner_(std::move(inner)), id_(id) {}
    Signaller(const Signaller&) = delete;
    Signaller& operator=(const Signaller&) = delete;
    ~Signaller() {
        if (inner_) ExportedFences::instance().remove(id_);
    }

    void complete(int status) {
        ExportedFences::instance().remove(id_);
        drm::complete(std::move(inner_), {status, monotonic_ns()});
    }

  private:
    viaduct::UniqueFd inner_;
    uint64_t id_;
};

/// Nothing while the fence is pending. What its signaller, if of this process, did before is
/// visible then: it had the table's lock in between.
std::optional<Completion> look_for_completion(int fd, uint64_t id) {
    auto completion = completion_of(fd);
    if (completion) ExportedFences::instance().find(id);
    return completion;
}

template <size_t N>
void copy_name(char (&to)[N], std::string_view name) {
    std::fill(std::begin(to), std::end(to), '\0');
    std::copy_n(name.begin(), std::min(name.size(), N - 1), std::begin(to));
}

int merge(int fd, sync_merge_data& args) {
    if (args.flags != 0 || args.pad != 0) return -EINVAL;
    const FencePtr first = Fence::from_sync_file(fd), second = Fence::from_sync_file(args.fd2);
    if (!first || !second) return -ENOENT;
    viaduct::UniqueFd merged = Fence::all_of({first, second})->export_sync_file();
    if (!merged) return -EMFILE;
    args.fence = merged.release();
    return 0;
}

int file_info(int fd, uint64_t id, sync_file_info& args) {
    if (args.flags != 0 || args.pad != 0) return -EINVAL;
    const std::optional<Completion> completion = look_for_completion(fd, id);
    // <linux/sync_file.h>: 1 signalled, 0 active, negative: failed.
    const int status = !completion ? 0 : completion->status == 0 ? 1 : completion->status;
    if (args.num_fences != 0) {
        if (args.sync_fence_info == 0) return -EFAULT;
        auto& fence = *reinterpret_cast<sync_fence_info*>(args.sync_fence_info);
        copy_name(fence.obj_name, "ring");
        copy_name(fence.driver_name, "simgpu");
        fence.status = status;
        fence.flags = 0;
        fence.timestamp_ns = completion ? completion->timestamp_ns : 0;
    }
    copy_name(args.name, fmt::format("simgpu-{:x}", id));
    args.status = status;
    args.num_fences = 1;
    return 0;
}

}  // namespace

viaduct::UniqueFd Fence::export_sync_file() {
    CompletionPipe pipe = make_completion_pipe();
    if (!pipe.valid()) return {};
    const auto signaller = std::make_shared<Signaller>(std::move(pipe.inner), pipe.id);
    ExportedFences::instance().add(pipe.id, shared_from_this());
    on_signal([signaller](int status) { signaller->complete(status); });
    return std::move(pipe.outer);
}

FencePtr Fence::from_sync_file(int fd) {
    const std::optional<uint64_t> id = completion_pipe_id(fd);
    if (!id) return nullptr;
    if (FencePtr own = ExportedFences::instance().find(*id)) return own;
    if (const auto completion = look_for_completion(fd, *id)) return signalled(completion->status);

    viaduct::UniqueFd copy = viaduct::UniqueFd::duplicate_of(fd);
    if (!copy) return nullptr;
    FencePtr fence = create();
    const int watched = copy.get();
    auto source =
        watch_descriptor(std::move(copy), [weak = std::weak_ptr(fence), watched, id = *id] {
            const FencePtr imported = weak.lock();
            if (!imported) return;
            const auto completion = look_for_completion(watched, id);
            imported->signal(completion ? completion->status : 0);
        });
    if (!source) return nullptr;
    const viaduct::LockGuard lock(fence->mutex_);
    if (!fence->done_) fence->source_ = std::move(source);
    return fence;
}

bool is_sync_file(int fd) {
    return completion_pipe_id(fd).has_value();
}

int sync_file_ioctl(int fd, unsigned long request, void* argument) {
    const std::optional<uint64_t> id = completion_pipe_id(fd);
    if (!id) return -ENOTTY;
    if (!argument) return -EFAULT;
    switch (request) {
        case SYNC_IOC_MERGE:
            return merge(fd, *static_cast<sync_merge_data*>(argument));
        case SYNC_IOC_FILE_INFO:
            return file_info(fd, *id, *static_cast<sync_file_info*>(argument));
        default:
            return -ENOTTY;
    }
}

}  // namespace simgpu::drm
