// EXEC (Linux: xe_exec.c).
#include <cerrno>

#include "simgpu/intel/kernel/xe/drm_file.h"
#include "simgpu/intel/kernel/xe/kernel.h"
#include "simgpu/intel/kernel/xe/syncs.h"

namespace simgpu::intel::xe {

using namespace uapi::xe;

namespace {

constexpr uint32_t kMaxSyncs = 1024;  // DRM_XE_MAX_SYNCS, Linux 7.0
constexpr uint32_t kMaxJobs = 1000;   // XE_MAX_JOB_COUNT_PER_EXEC_QUEUE, likewise

bool is_70() {
    return kernel() >= Kernel::kLinux70;
}

int check(const Exec& args) {
    if (args.extensions || args.pad[0] || args.pad[1] || args.pad[2]) return -EINVAL;
    if (args.reserved[0] || args.reserved[1]) return -EINVAL;
    return is_70() && args.num_syncs > kMaxSyncs ? -EINVAL : 0;
}

int check(const ExecQueue& queue, const Exec& args) {
    if (queue.binds()) return -EINVAL;
    if (args.num_batch_buffer > 1) return -EINVAL;  // no queue is wider than 1
    if (queue.banned()) return -ECANCELED;
    return is_70() && *queue.jobs() >= kMaxJobs ? -EAGAIN : 0;
}

/// "Signal when all earlier work of this queue is done."
int signal_only(ExecQueue& queue, const Syncs& syncs) {
    std::vector<drm::FencePtr> fences = syncs.waits();
    if (is_70() && !fences.empty()) return -EOPNOTSUPP;
    const std::lock_guard lock(queue.submission_mutex());
    if (queue.last) fences.push_back(queue.last);
    const drm::FencePtr fence = all_of(fences);
    queue.last = fence;
    syncs.signal(fence);
    return 0;
}

void submit(DrmFile& file, const ExecQueuePtr& queue, const Exec& args, const Syncs& syncs) {
    auto job = std::make_shared<sched::Job>();
    job->client = file.client();
    job->context = queue;
    job->entity = &queue->entity(0);
    job->find_page_table = [space = queue->vm().space()] { return space->snapshot(); };
    job->ibs = {{.va = args.address}};
    job->dependencies = syncs.waits();
    job->vram_losses = file.device().vram_loss_count();
    if (const auto& user = syncs.user_fence()) job->end_writes = {{user->addr, user->value}};
    const drm::FencePtr finished = job->fences.finished;
    ++*queue->jobs();
    finished->on_signal([jobs = queue->jobs()](int) { --*jobs; });
    const std::lock_guard lock(queue->submission_mutex());
    job->sequence = job->entity->add(job->fences);
    queue->last = finished;
    syncs.signal(finished);
    file.rings()[queue->ring()].submit(std::move(job));
}

}  // namespace

int exec(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const Exec*>(argument);
    if (const int error = check(args)) return error;
    const ExecQueuePtr queue = file.queues().find(args.exec_queue_id);
    if (!queue) return -ENOENT;
    if (const int error = check(*queue, args)) return error;
    Syncs syncs(file);
    if (const int error = syncs.parse(args.syncs, args.num_syncs, UserFences::kGpu)) return error;
    if (args.num_batch_buffer == 0) return signal_only(*queue, syncs);
    if (queue->vm().closed()) return -ECANCELED;
    submit(file, queue, args, syncs);
    return 0;
}

}  // namespace simgpu::intel::xe
