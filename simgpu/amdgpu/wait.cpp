// Waiting for submissions (Linux: amdgpu_cs.c).
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <vector>

#include "simgpu/amdgpu/drm_file.h"
#include "simgpu/amdgpu/timeout.h"

namespace simgpu::amdgpu::cs {

namespace {

constexpr uint32_t kMaxFences = 1u << 16;

/// The fence of one submission; null if it is done long ago. 0 or -EINVAL.
int find_fence(DrmFile& file, const drm_amdgpu_fence& in, drm::FencePtr* fence) {
    const ContextPtr context = file.contexts().find(in.ctx_id);
    const int ring = in.ip_instance == 0 ? file.model().ring_index(in.ip_type, in.ring) : -1;
    if (!context || ring < 0) return -EINVAL;
    JobFences fences;
    if (!context->find_fences(static_cast<size_t>(ring), in.seq_no, &fences)) return -EINVAL;
    *fence = fences.finished;
    return 0;
}

/// Wakes one thread when any of some fences signals. Shared with their callbacks.
struct AnySignal {
    std::mutex mutex;
    std::condition_variable changed;
    bool signalled = false;
};

/// False on timeout.
bool wait_any(const std::vector<drm::FencePtr>& fences,
              std::chrono::steady_clock::time_point deadline) {
    const auto any = std::make_shared<AnySignal>();
    std::vector<uint64_t> tokens;
    for (const drm::FencePtr& fence : fences) {
        tokens.push_back(fence->on_signal([any](int) {
            const std::lock_guard lock(any->mutex);
            any->signalled = true;
            any->changed.notify_all();
        }));
    }
    bool signalled = false;
    {
        std::unique_lock lock(any->mutex);
        signalled = any->changed.wait_until(lock, deadline, [&] { return any->signalled; });
    }
    for (size_t i = 0; i < fences.size(); ++i)
        if (tokens[i] != 0) fences[i]->remove_callback(tokens[i]);
    return signalled;
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

    std::vector<drm::FencePtr> fences;
    for (uint32_t i = 0; i < in.fence_count; ++i) {
        drm_amdgpu_fence wanted{};
        std::memcpy(&wanted, reinterpret_cast<const drm_amdgpu_fence*>(in.fences) + i,
                    sizeof(wanted));
        drm::FencePtr fence;
        if (const int error = find_fence(file, wanted, &fence)) return error;
        fences.push_back(fence ? fence : drm::Fence::signalled());
    }
    bool done = true;
    if (in.wait_all) {
        for (const drm::FencePtr& fence : fences) done = done && fence->wait_until(deadline);
    } else {
        done = wait_any(fences, deadline);
    }
    args = {};
    args.out.status = done ? 1 : 0;
    args.out.first_signaled = UINT32_MAX;
    for (size_t i = 0; done && i < fences.size(); ++i) {
        if (!fences[i]->is_signalled()) continue;
        if (fences[i]->status() != 0) return fences[i]->status();
        if (args.out.first_signaled == UINT32_MAX)
            args.out.first_signaled = static_cast<uint32_t>(i);
    }
    return 0;
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
