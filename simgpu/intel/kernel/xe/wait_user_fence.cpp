// WAIT_USER_FENCE (Linux: xe_wait_user_fence.c).
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "simgpu/clock.h"
#include "simgpu/intel/kernel/xe/drm_file.h"

namespace simgpu::intel::xe {

using uapi::xe::WaitUserFence;

namespace {

/// By the number of the operation (drm_xe_wait_user_fence.op).
constexpr std::array<bool (*)(uint64_t, uint64_t), 6> kComparisons = {
    [](uint64_t a, uint64_t b) { return a == b; }, [](uint64_t a, uint64_t b) { return a != b; },
    [](uint64_t a, uint64_t b) { return a > b; },  [](uint64_t a, uint64_t b) { return a >= b; },
    [](uint64_t a, uint64_t b) { return a < b; },  [](uint64_t a, uint64_t b) { return a <= b; },
};

int check(const WaitUserFence& args) {
    if (args.extensions || args.pad || args.pad2) return -EINVAL;
    if (args.reserved[0] || args.reserved[1]) return -EINVAL;
    if (args.flags & ~uapi::xe::kWaitAbsolute) return -EINVAL;
    if (args.op >= kComparisons.size()) return -EINVAL;
    return args.addr % sizeof(uint64_t) != 0 ? -EINVAL : 0;
}

/// monotonic_ns(); negative time-outs are endless.
uint64_t deadline_of(const WaitUserFence& args) {
    if (args.timeout < 0) return UINT64_MAX;
    const auto timeout = static_cast<uint64_t>(args.timeout);
    if (args.flags & uapi::xe::kWaitAbsolute) return timeout;
    const uint64_t now = monotonic_ns();
    return timeout > UINT64_MAX - now ? UINT64_MAX : now + timeout;
}

}  // namespace

int wait_user_fence(DrmFile& file, void* argument) {
    auto& args = *static_cast<WaitUserFence*>(argument);
    if (const int error = check(args)) return error;
    ExecQueuePtr queue;
    if (args.exec_queue_id != 0) {
        queue = file.queues().find(args.exec_queue_id);
        if (!queue) return -ENOENT;
    }
    constexpr uint64_t kPageBytes = kPage;
    auto* page = reinterpret_cast<void*>(args.addr & ~(kPageBytes - 1));
    const uint64_t deadline = deadline_of(args);
    const bool relative = !(args.flags & uapi::xe::kWaitAbsolute) && args.timeout >= 0;
    for (;;) {
        if (::msync(page, 1, MS_ASYNC) != 0) return -EFAULT;
        const uint64_t value =
            __atomic_load_n(reinterpret_cast<const uint64_t*>(args.addr), __ATOMIC_ACQUIRE);
        const uint64_t now = monotonic_ns();
        if (relative) args.timeout = static_cast<int64_t>(deadline - std::min(deadline, now));
        if (kComparisons[args.op](value & args.mask, args.value & args.mask)) return 0;
        if (queue && queue->banned()) return -EIO;
        if (now >= deadline) return -ETIME;
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
}

}  // namespace simgpu::intel::xe
