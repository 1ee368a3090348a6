// CommandStream: the requests of one native context, in order, and their answers.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/brief_wait.h"
#include "base/ids.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "guest-mesa/layer/guest_ring.h"
#include "guest-mesa/layer/kernel.h"
#include "guest-mesa/layer/receipts.h"
#include "guest-mesa/layer/response_area.h"
#include "guest-mesa/layer/virtgpu_ioctls.h"
#include "wire/ccmd.h"

namespace viaduct::guest {

/// How long to wait for a host that does not answer. Counted in slices rather than by the clock:
/// a guest that was paused for an hour has lost one slice, not its context.
struct HostPatience {
    std::chrono::milliseconds slice{100};
    int slices = 300;
};

/// A request with the room for its answer. The request begins with a wire::RequestHeader, whose
/// seqno and rsp_off the stream fills in; the response with a wire::ResponseHeader.
struct Call {
    std::span<std::byte> request;
    std::span<std::byte> response;
};

/// The ring of a request that uses the GPU, and its synchronisation through the node.
struct GpuSubmission {
    RingIndex ring = {};
    std::span<const virtgpu::ExecbufferSyncobj> out;
    /// Buffers that others may wait for through the node (implicit synchronisation).
    std::span<const GemHandle> bo_handles;
    /// Whether it may pass the monitor, and the node, which then learns of `out` by signal() only.
    bool may_pass_by = false;
};

/// A submission that was sent.
struct Execution {
    uint32_t seqno = 0;          // for has_finished()
    bool has_passed_by = false;  // the node
};

/// Sends requests through EXECBUFFER, or past the monitor where the host reads along
/// (wire::GuestRing), and reads answers from the control buffer (drm-common.md, sections 2 to 5 and
/// 8). Results are 0 or a negative errno.
///
/// Threads: any. Requests reach the host in the order in which the methods were entered, but a blob
/// is asked for later than its object. A method that waits for an answer waits outside the lock.
///
/// A host that does not answer within its patience is lost: that call returns -EIO, and every later
/// one -ENODEV, at once. So do all once the host has given the context up: it then publishes a
/// sequence number that was not sent yet (docs/isolation.md).
class CommandStream {
  public:
    /// Initialises the node's context (capset 6, 64 rings) and the control buffer.
    static Result<std::unique_ptr<CommandStream>> create(const Channel& channel,
                                                         HostPatience patience = {});

    /// Queues a request whose answer nobody reads. It is sent with the next one that cannot wait.
    int post(const Channel& channel, std::span<std::byte> request);
    /// Likewise, with a receipt: a failure shows in take_outcomes() later. `seqno`: for settle().
    int post(const Channel& channel, std::span<std::byte> request, Receipt receipt,
             uint32_t& seqno);
    /// Sends a request and everything queued before it; waits for the answer.
    int call(const Channel& channel, Call call) { return call_all(channel, {&call, 1}); }
    /// Several requests in one journey.
    int call_all(const Channel& channel, std::span<const Call> calls);
    /// CREATE_BLOB of an object that `request` (wire::CreationResponse) makes. The request goes
    /// ahead, behind everything queued before it, and is waited for, so that the monitor, which
    /// cannot do anything else meanwhile, need not wait for the object. A host that has no answer
    /// to it gets it embedded in CREATE_BLOB from then on, and `confirmed` is false: whether it has
    /// the object is for the caller to ask. On an error there is neither a blob nor, on the host,
    /// its object; what was queued before it has run or will run, once. -ENOMEM: the host did not
    /// make the object. -ENOSPC: the host-visible window is full. What was closed before has given
    /// its room back by then.
    int create_blob(const Channel& channel, std::span<std::byte> request,
                    virtgpu::ResourceCreateBlob& blob, bool& confirmed);
    /// Waits until execute() need not wait for the host to run what it was sent long ago.
    int make_room(const Channel& channel);
    bool has_room();
    /// A GPU submission behind everything queued before it. Does not wait for it.
    int execute(const Channel& channel, std::span<std::byte> request,
                const GpuSubmission& submission, Receipt receipt, Execution& execution);
    /// Has the node signal `out` at the end of all that was submitted to `ring`.
    int signal(const Channel& channel, RingIndex ring,
               std::span<const virtgpu::ExecbufferSyncobj> out);
    /// CREATE_BLOB itself: the host's count of blobs is compared with that of these calls.
    int create_counted_blob(const Channel& channel, virtgpu::ResourceCreateBlob& blob);
    /// A resource may have been given to the context by another ioctl.
    void note_resource() { has_foreign_resource_ = true; }
    /// Whether all work has ended that requests up to `seqno`, which were sent, gave to `ring`:
    /// its fences retire then, though the node may not know it yet. False also where the host does
    /// not show it (wire::FinishedWork).
    bool has_finished(RingIndex ring, uint32_t seqno) const;
    /// Whether it does. A host that records does not: its guest waits until the monitor has seen
    /// the end.
    bool shows_finished() const { return shows_finished_; }
    /// Tells the host that somebody looks for that, so that the fences of requests up to `seqno`
    /// may be late; and with the others, that somebody needs them in time again. Then one more look
    /// is due: what the host had shown before that it may report late.
    void look_for(RingIndex ring, uint32_t seqno);
    void look_for_nothing(RingIndex ring);
    void look_for_nothing();  // on any ring
    /// Waits until the host has run request `seqno`, and sends it first if it is queued.
    int settle(const Channel& channel, uint32_t seqno);
    /// Requests with receipts that have failed since the last call, and what may have undone it, in
    /// order.
    std::vector<Outcome> take_outcomes();
    /// Sends what is queued.
    int flush(const Channel& channel);

    /// The driver part of the control buffer, as far as the host has it: 32 bits at `offset`; 0 if
    /// the host's control buffer ends before it.
    uint32_t shmem_u32(uint32_t offset) const;
    /// Likewise 64 bits, which the host may be changing: good for statistics only.
    uint64_t shmem_u64(uint32_t offset) const;
    /// Largest answer that fits at all, header included.
    uint32_t max_response() const { return max_response_; }
    bool lost() const;

  private:
    /// Room that all answers nobody reads share.
    static constexpr uint32_t kDiscardBytes = 8;
    static constexpr size_t kBatchBytes = 0x4000;
    static constexpr size_t kShmemBytes = 0x4000 + wire::GuestRing::kBytes;
    static constexpr uint32_t kLatestArea = 0x2000;

    struct Slot {
        uint32_t offset;
        uint32_t size;
    };

    CommandStream(Mapping shmem, uint32_t area_start, HostPatience patience);

    int start_calls(const Channel& channel, std::span<const Call> calls, std::vector<Slot>& slots,
                    UniqueFd* fence, uint32_t& last_seqno);
    bool take_slots(std::span<const Call> calls, std::vector<Slot>& slots) VIADUCT_REQUIRES(mutex_);
    void give_back_slots(const std::vector<Slot>& slots) VIADUCT_REQUIRES(mutex_);
    uint32_t append(std::span<std::byte> request, uint32_t response_offset)
        VIADUCT_REQUIRES(mutex_);
    int append_with_receipt(const Channel& channel, std::span<std::byte> request, Receipt receipt)
        VIADUCT_REQUIRES(mutex_);
    int make_room_in_batch(const Channel& channel, size_t bytes) VIADUCT_REQUIRES(mutex_);
    int make_room_for_receipt(const Channel& channel) VIADUCT_REQUIRES(mutex_);
    void drop_from(size_t batch_size) VIADUCT_REQUIRES(mutex_);
    int make_object(const Channel& channel, std::span<std::byte> request, bool& confirmed);
    int claim_object(const Channel& channel, virtgpu::ResourceCreateBlob& blob);
    int create_blob_with_object(const Channel& channel, std::span<std::byte> request,
                                virtgpu::ResourceCreateBlob& blob);
    int settle_refused_blob(const Channel& channel, const virtgpu::ResourceCreateBlob& blob,
                            size_t batch_size, int error) VIADUCT_REQUIRES(mutex_);
    int catch_up(const Channel& channel, bool& has_run);
    int transfer(const Channel& channel, std::span<const std::byte> commands,
                 const GpuSubmission* submission, UniqueFd* fence);
    bool pass_by(const Channel& channel) VIADUCT_REQUIRES(mutex_);
    bool host_has_caught_up() VIADUCT_REQUIRES(mutex_);
    bool host_is_ready() VIADUCT_REQUIRES(mutex_);
    bool host_will_look() VIADUCT_REQUIRES(mutex_);
    int send(const Channel& channel, const GpuSubmission* submission, UniqueFd* fence)
        VIADUCT_REQUIRES(mutex_);
    void clear_batch() VIADUCT_REQUIRES(mutex_);
    void give_up_object(const Channel& channel, const virtgpu::ResourceCreateBlob& refused);
    int wait_readable(const Channel& channel, int fence_fd);
    int wait_for_seqno(uint32_t seqno);
    int wait_for(const Channel& channel, int fence_fd, uint32_t seqno);
    int wait_for_answer(const Channel& channel, UniqueFd fence, uint32_t seqno);
    int declare_lost(const char* what);
    std::atomic_ref<uint32_t> finished_word(size_t array, uint32_t ring) const;
    uint32_t published() const;
    bool reached(uint32_t seqno) const;

    Mapping shmem_;
    const uint32_t area_start_;
    const bool shows_finished_;  // the host: in front of the area
    const uint32_t fields_end_;  // of the driver's fields
    const HostPatience patience_;
    std::atomic<bool> lost_ = false;
    BriefWait brief_wait_;
    BriefWait catch_up_wait_;  // of the host, for pass_by()
    BriefWait room_wait_;      // in the ring, or for a receipt
    // That this file asked the node to create, and those of them for which that is over.
    std::atomic<uint32_t> blobs_begun_ = 0;
    std::atomic<uint32_t> blobs_ended_ = 0;
    /// By note_resource(), since the last request that went through the monitor.
    std::atomic<bool> has_foreign_resource_ = false;
    std::atomic<uint64_t> looks_ = 0;             // a bit for each ring with look_for()
    std::atomic<bool> answers_creations_ = true;  // the host, as far as is known

    Mutex mutex_;  // also for the order of what is sent
    GuestRing ring_ VIADUCT_GUARDED_BY(mutex_);
    /// The last request that went through the monitor, and how many blobs were behind the node by
    /// then; and the host's count of them, no earlier than when it had run that request.
    uint32_t monitors_seqno_ VIADUCT_GUARDED_BY(mutex_) = 0;
    uint32_t blobs_before_ VIADUCT_GUARDED_BY(mutex_) = 0;
    std::optional<uint32_t> hosts_blobs_ VIADUCT_GUARDED_BY(mutex_) = 0;
    /// The last of them whose fence somebody may wait for, until the host has run it.
    std::optional<uint32_t> fenced_seqno_ VIADUCT_GUARDED_BY(mutex_);
    /// wire::GuestRing::awake as it was before something went to the host that wakes it.
    std::optional<uint32_t> woken_from_ VIADUCT_GUARDED_BY(mutex_);
    std::condition_variable slots_freed_;
    ResponseArea area_ VIADUCT_GUARDED_BY(mutex_);
    const uint32_t max_response_;
    uint32_t discard_offset_ = 0;
    Receipts receipts_ VIADUCT_GUARDED_BY(mutex_);  // behind area_
    std::vector<Outcome> outcomes_ VIADUCT_GUARDED_BY(mutex_);
    std::vector<std::byte> batch_ VIADUCT_GUARDED_BY(mutex_);
    uint32_t batched_requests_ VIADUCT_GUARDED_BY(mutex_) = 0;
    std::atomic<uint32_t> last_seqno_ = 0;  // read without the lock
};

}  // namespace viaduct::guest
