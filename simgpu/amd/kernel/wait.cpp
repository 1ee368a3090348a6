// Waiting for submissions (Linux: amdgpu_cs.c).
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <vector>

#include "base/mutex.h"
#include "simgpu/amd/kernel/drm_file.h"
#include "simgpu/amd/kernel/timeout.h"

namespace simgpu::amdgpu::cs {

namespace {

constexpr uint32_t kMaxFences = 1u << 16;

/// The fence of one submission; null if it is done long ago. 0, -EINVAL, or the error that the
/// queue has (amdgpu_cs_get_fence()).
int find_fence(DrmFile& file, const drm_amdgpu_fence& in, drm::FencePtr* fence) {
    const ContextPtr context = file.find_context(in.ctx_id);
    if (!context) return -EINVAL;
    Entity* entity = nullptr;
    if (const int error =
            file.find_entity(*context, {in.ip_type, in.ip_instance, in.ring}, &entity))
        return error;
    JobFences fences;
    if (!entity->find(in.seq_no, &fences)) return -EINVAL;
    *fence = fences.finished;
    return 0;
}

/// Wakes one thread when any of some fences signals. Shared with their callbacks.
struct AnySignal {
    viaduct::Mutex mutex;
    std::condition_variable changed;
    bool signalled VIADUCT_GUARDED_BY(mutex) = false;
};

/// False on timeout.
bool wait_any(const std::vector<drm::FencePtr>& fences,
              std::chrono::steady_clock::time_point deadline) {
    const auto any = std::make_shared<AnySignal>();
    std::vector<uint64_t> tokens;
    for (const drm::FencePtr& fence : fences) {
        tokens.push_back(fence->on_signal([any](int) {
            const viaduct::LockGuard lock(any->mutex);
            any->signalled = true;
            any->changed.notify_all();
        }));
    }
    bool signalled = false;
    {
        viaduct::UniqueLock lock(any->mutex);
        signalled = any->changed.wait_until(
            lock.native(), deadline, [&]() VIADUCT_REQUIRES(any->mutex) { return any->signalled; });
    }
    for (size_t i = 0; i < fences.size(); ++i)
        if (tokens[i] != 0) fences[i]->remove_callback(tokens[i]);
    return signalled;
}

/// amdgpu_cs_wait_all_fences(): looks at one after the other, and stops at an error.
int wait_for_all(DrmFile& file, const std::vector<drm_amdgpu_fence>& wanted,
                 std::chrono::steady_clock::time_point deadline, drm_amdgpu_wait_fences_out* out) {
    out->status = 1;
    for (const drm_amdgpu_fence& one : wanted) {
        drm::FencePtr fence;
        if (const int error = find_fence(file, one, &fence)) return error;
        if (!fence) continue;
        out->status = fence->wait_until(deadline) ? 1 : 0;
        if (out->status == 0) break;
        if (fence->status() != 0) return fence->status();
    }
    return 0;
}

/// amdgpu_cs_wait_any_fence(): the error is that of the first that has signalled.
int wait_for_any(DrmFile& file, const std::vector<drm_amdgpu_fence>& wanted,
                 std::chrono::steady_clock::time_point deadline, drm_amdgpu_wait_fences_out* out) {
    std::vector<drm::FencePtr> fences;
    for (const drm_amdgpu_fence& one : wanted) {
        drm::FencePtr fence;
        if (const int error = find_fence(file, one, &fence)) return error;
        fences.push_back(fence ? fence : drm::Fence::signalled());
    }
    out->first_signaled = UINT32_MAX;
    out->status = wait_any(fences, deadline) ? 1 : 0;
    if (out->status == 0) return 0;
    const auto first = std::ranges::find_if(
        fences, [](const drm::FencePtr& fence) { return fence->is_signalled(); });
    out->first_signaled = static_cast<uint32_t>(first - fences.begin());
    return (*first)->status();
}

}  // namespace

int wait(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_amdgpu_wait_cs*>(argument);
    const drm_amdgpu_wait_cs_in in = args.in;
    drm::FencePtr fence;
    if (const int error =
            find_fence(file, {in.ctx_id, in.ip_type, in.ip_instance, in.ring, in.handle}, &fence))
        return error;
    const bool done = !fence || fence->wait_until(deadline_of(in.timeout));
    if (done && fence && fence->status() != 0) return fence->status();
    args = {};
    args.out.status = done ? 0 : 1;
    return 0;
}

int wait_fences(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_amdgpu_wait_fences*>(argument);
    const drm_amdgpu_wait_fences_in in = args.in;
    if (in.fence_count == 0) return -EINVAL;
    if (in.fence_count > kMaxFences) return -ENOMEM;
    if (in.fences == 0) return -EFAULT;
    const auto deadline = deadline_of(in.timeout_ns);

    std::vector<drm_amdgpu_fence> wanted(in.fence_count);
    std::memcpy(wanted.data(), reinterpret_cast<const void*>(in.fences),
                wanted.size() * sizeof(wanted[0]));
    args = {};
    return in.wait_all ? wait_for_all(file, wanted, deadline, &args.out)
                       : wait_for_any(file, wanted, deadline, &args.out);
}

int fence_to_handle(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_amdgpu_fence_to_handle*>(argument);
    drm::FencePtr fence;
    if (const int error = find_fence(file, args.in.fence, &fence)) return error;
    if (!fence) fence = drm::Fence::signalled();
    const uint32_t what = args.in.what;
    viaduct::UniqueFd fd;
    switch (what) {
        case AMDGPU_FENCE_TO_HANDLE_GET_SYNCOBJ:
            args.out.handle = file.syncobjs().create(std::move(fence));
            return 0;
        case AMDGPU_FENCE_TO_HANDLE_GET_SYNCOBJ_FD:
            fd = drm::export_syncobj(drm::make_syncobj(std::move(fence)));
            break;
        case AMDGPU_FENCE_TO_HANDLE_GET_SYNC_FILE_FD:
            fd = fence->export_sync_file();
            break;
        default:
            return -EINVAL;
    }
    if (!fd) return -EMFILE;
    args.out.handle = static_cast<uint32_t>(fd.release());
    return 0;
}

}  // namespace simgpu::amdgpu::cs
