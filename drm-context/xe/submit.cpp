// EXEC.
#include <array>

#include "base/clock.h"
#include "drm-context/device/syncobj.h"
#include "drm-context/xe/xe_context.h"

namespace viaduct::xe {

namespace w = wire::xe;
using namespace uapi::xe;

namespace {

// Below the kernel's 1000 (XE_MAX_JOB_COUNT_PER_EXEC_QUEUE), which it answers with EAGAIN.
constexpr uint64_t kMostJobs = 900;
constexpr uint32_t kNoQueue = 0;  // Queue::serial begins with 1

/// The syncobjs of one EXEC: at most bind, in-fence, older work and its own.
class SyncArray {
  public:
    void wait(uint32_t syncobj) { add(syncobj, 0); }
    void signal(uint32_t syncobj) { add(syncobj, kSyncSignal); }
    uint32_t count() const { return count_; }
    uint64_t address() const { return reinterpret_cast<uint64_t>(syncs_.data()); }

  private:
    void add(uint32_t syncobj, uint32_t flags) {
        Sync& sync = syncs_.at(count_++);
        sync.type = kSyncSyncobj;
        sync.flags = flags;
        sync.handle_or_addr = syncobj;
    }
    std::array<Sync, 4> syncs_{};
    uint32_t count_ = 0;
};

}  // namespace

Status XeContext::exec(Request& request) {
    const auto wanted = request.as<w::ExecRequest>();
    // Taken whatever comes: a refused submission consumes its in-fence too.
    UniqueFd in_fence = this->in_fence().take();
    // For more than one the kernel would take the address for a pointer into this process.
    if (wanted.num_batch_buffer > 1)
        return fail(EINVAL, "a submission cannot have {} batches", wanted.num_batch_buffer);
    const auto queue = queues_.find(wanted.exec_queue_id);
    if (queue == queues_.end())
        return fail(ENOENT, "queue {} does not exist", wanted.exec_queue_id);
    if (queue->second.binds) return fail(EINVAL, "queue {} is a bind queue", wanted.exec_queue_id);
    // A submission names no buffers: it may use all that its VM maps.
    if (wanted.num_batch_buffer != 0)
        in_fence = wait_for_users(std::move(in_fence), queue->second.vm->bindings.shown());
    Status status = submit(wanted, queue->second, in_fence);
    if (!status && status.error().code == ECANCELED && !watch().is_lost(wanted.exec_queue_id))
        watch().found(wanted.exec_queue_id, look_for_ban(wanted.exec_queue_id));
    return status;
}

Status XeContext::submit(const w::ExecRequest& wanted, Queue& queue, const UniqueFd& in_fence) {
    const RingIndex ring = ring_of(wanted.exec_queue_id);
    if (statistics().outstanding(ring) >= kMostJobs && !rings().idle(ring))
        return fail(EAGAIN, "queue {} already has {} unfinished jobs, the maximum",
                    wanted.exec_queue_id, kMostJobs);
    const bool executes = wanted.num_batch_buffer != 0;
    const auto [signal, older] = rings().prepare(ring, queue.serial);
    SyncArray syncs;
    syncs.signal(signal);
    if (executes) {
        if (queue.vm->has_binds) syncs.wait(queue.vm->bound);
        if (in_fence) {
            const auto syncobj = this->in_fence().to_syncobj(in_fence);
            if (!syncobj) return tl::unexpected(syncobj.error());
            syncs.wait(*syncobj);
        }
        if (older != 0) syncs.wait(older);
    } else if (older != 0) {
        return fail(EMFILE, "no descriptor left for the previous queue's work");
    }
    Exec args{};
    args.exec_queue_id = queue.kernel_id;
    args.num_batch_buffer = wanted.num_batch_buffer;
    args.address = executes ? wanted.address : 0;
    args.num_syncs = syncs.count();
    args.syncs = syncs.address();
    if (const int error = device().ioctl(kExec, &args); error < 0)
        return fail(-error, "the kernel refused the submission to queue {} (errno {})",
                    wanted.exec_queue_id, -error);
    rings().submitted(ring, queue.serial);
    statistics().submitted(ring, monotonic_ns());
    // "When all earlier work is done" takes no in-syncs (xe_sync.c: xe_sync_in_fence_get()).
    if (executes || !in_fence) return {};
    // The merged-in fence is not ordered with the queue's next work.
    rings().submitted(ring, kNoQueue);
    return merge_into_ring(signal, in_fence);
}

Status XeContext::merge_into_ring(uint32_t ring_syncobj, const UniqueFd& in_fence) {
    UniqueFd newest;
    if (const int error = export_sync_file(device(), ring_syncobj, newest); error < 0)
        return fail(-error, "cannot export the ring's fence (errno {})", -error);
    const auto both = device().merge_sync_files(newest.get(), in_fence.get());
    if (!both) return tl::unexpected(both.error());
    return import_sync_file(device(), ring_syncobj, *both);
}

}  // namespace viaduct::xe
