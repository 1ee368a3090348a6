#include "guest-mesa/layer/command_stream.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <thread>
#include <utility>

#include "guest-mesa/layer/blob_granule.h"
#include "guest-mesa/layer/debug.h"
#include "wire/capset.h"

namespace viaduct::guest {

namespace {

constexpr uint32_t kRings = 64;  // the most CONTEXT_INIT accepts
constexpr uint32_t kShownRings = std::size(wire::FinishedWork().requests);

std::atomic_ref<uint32_t> word_at(const Mapping& shmem, uint32_t offset) {
    return std::atomic_ref<uint32_t>(*reinterpret_cast<uint32_t*>(shmem.data() + offset));
}

int init_context(const Channel& channel) {
    virtgpu::ContextSetParam params[] = {
        {static_cast<uint64_t>(virtgpu::ContextParam::kCapsetId), wire::kCapsetDrm},
        {static_cast<uint64_t>(virtgpu::ContextParam::kNumRings), kRings}};
    virtgpu::ContextInit init{2, 0, user_pointer(params)};
    return channel.ioctl(kVirtgpuContextInit, &init);
}

/// Where a host that has wire::FinishedWork keeps it.
bool shows_finished_work(const Mapping& shmem, uint32_t area_start) {
    if (area_start < sizeof(wire::ShmemHeader) + sizeof(wire::FinishedWork)) return false;
    uint64_t mark = 0;
    std::memcpy(
        &mark,
        shmem.data() + area_start - sizeof(wire::FinishedWork) + offsetof(wire::FinishedWork, mark),
        sizeof(mark));
    return mark == wire::FinishedWork::kMark;
}

/// Of the driver's.
uint32_t end_of_fields(const Mapping& shmem, uint32_t area_start) {
    uint32_t end = area_start;
    if (shows_finished_work(shmem, area_start)) end -= uint32_t{sizeof(wire::FinishedWork)};
    if (GuestRing::is_offered(shmem, area_start)) end -= uint32_t{sizeof(wire::GuestRing)};
    return end;
}

Result<Mapping> map_blob(const Channel& channel, GemHandle handle, size_t size) {
    virtgpu::Map map{0, handle.value(), 0};
    if (const int error = channel.ioctl(kVirtgpuMap, &map); error < 0)
        return fail(-error, "cannot get a mapping offset for the control buffer (error {})",
                    -error);
    return channel.kernel.map(channel.fd, map.offset, size);
}

}  // namespace

CommandStream::CommandStream(Mapping shmem, uint32_t area_start, HostPatience patience)
    : shmem_(std::move(shmem)),
      area_start_(area_start),
      shows_finished_(shows_finished_work(shmem_, area_start)),
      fields_end_(end_of_fields(shmem_, area_start)),
      patience_(patience),
      ring_(shmem_, area_start),
      area_(static_cast<uint32_t>(shmem_.size()) - area_start - Receipts::kBytes - ring_.bytes()),
      max_response_(area_.size() - kDiscardBytes),
      receipts_(shmem_.data() + area_start + area_.size()) {
    discard_offset_ = area_.allocate(kDiscardBytes).value_or(0);
    word_at(shmem_, area_start_ + discard_offset_).store(kDiscardBytes);
    batch_.reserve(kBatchBytes);
}

Result<std::unique_ptr<CommandStream>> CommandStream::create(const Channel& channel,
                                                             HostPatience patience) {
    if (const int error = init_context(channel); error < 0)
        return fail(-error, "the node refused a native context (CONTEXT_INIT, error {})", -error);

    // The handle of the control buffer is kept by the open file itself and goes with it.
    virtgpu::ResourceCreateBlob blob{};
    blob.blob_mem = virtgpu::BlobMem::kHost3d;
    blob.blob_flags = virtgpu::kBlobMappable;
    blob.size = round_up_to(blob_granule(channel), kShmemBytes);
    if (const int error = channel.ioctl(kVirtgpuCreateBlob, &blob); error < 0)
        return fail(-error, "cannot create the control buffer (CREATE_BLOB, error {})", -error);
    auto shmem = map_blob(channel, GemHandle(blob.bo_handle), static_cast<size_t>(blob.size));
    if (!shmem) return tl::unexpected(shmem.error());

    const uint32_t area_start = word_at(*shmem, offsetof(wire::ShmemHeader, rsp_mem_offset)).load();
    if (area_start < sizeof(wire::ShmemHeader) || area_start % 8 != 0 || area_start > kLatestArea)
        return fail(EIO,
                    "the host places its responses at {:#x} of a control buffer of {:#x} bytes",
                    area_start, uint64_t{blob.size});
    return std::unique_ptr<CommandStream>(
        new CommandStream(std::move(*shmem), area_start, patience));
}

uint32_t CommandStream::shmem_u32(uint32_t offset) const {
    return offset + 4 <= fields_end_ ? word_at(shmem_, offset).load() : 0;
}

uint64_t CommandStream::shmem_u64(uint32_t offset) const {
    if (offset + 8 > fields_end_) return 0;
    return std::atomic_ref<uint64_t>(*reinterpret_cast<uint64_t*>(shmem_.data() + offset)).load();
}

uint32_t CommandStream::append(std::span<std::byte> request, uint32_t response_offset) {
    wire::RequestHeader header;
    std::memcpy(&header, request.data(), sizeof(header));
    header.seqno = ++last_seqno_;
    header.rsp_off = response_offset;
    std::memcpy(request.data(), &header, sizeof(header));
    batch_.insert(batch_.end(), request.begin(), request.end());
    ++batched_requests_;
    return last_seqno_;
}

/// Likewise, with a receipt.
int CommandStream::append_with_receipt(const Channel& channel, std::span<std::byte> request,
                                       Receipt receipt) {
    if (const int error = make_room_for_receipt(channel); error < 0) return error;
    append(request, area_.size() + receipts_.take(last_seqno_ + 1, std::move(receipt)));
    return 0;
}

/// A host that is that far behind is waited for: for one answer, or else for all.
int CommandStream::make_room_for_receipt(const Channel& channel) {
    if (!receipts_.full()) return 0;
    // It is called with the lock held.
    const auto has_room = [this]() VIADUCT_LOCKS_UNCHECKED {
        receipts_.collect(published(), outcomes_);
        return !receipts_.full();
    };
    if (has_room()) return 0;
    // None comes for what has not been sent.
    if (batch_.empty() && room_wait_.is_promising() && room_wait_.wait(has_room)) return 0;
    UniqueFd fence;
    if (const int error = send(channel, nullptr, &fence); error < 0) return error;
    if (const int error = wait_for(channel, fence.get(), last_seqno_); error < 0) return error;
    receipts_.collect(published(), outcomes_);
    return 0;
}

int CommandStream::make_room_in_batch(const Channel& channel, size_t bytes) {
    const bool fits = batch_.size() + bytes <= kBatchBytes || batched_requests_ == 0;
    return fits ? 0 : send(channel, nullptr, nullptr);
}

/// Takes back the last request, which was not sent, because whoever made it will make it again.
void CommandStream::drop_from(size_t batch_size) {
    batch_.resize(batch_size);
    --last_seqno_;
    --batched_requests_;
}

int CommandStream::transfer(const Channel& channel, std::span<const std::byte> commands,
                            const GpuSubmission* submission, UniqueFd* fence) {
    virtgpu::Execbuffer exec{};
    exec.flags = virtgpu::kExecbufRingIdx | (fence ? virtgpu::kExecbufFenceFdOut : 0);
    exec.size = static_cast<uint32_t>(commands.size());
    exec.command = user_pointer(commands.data());
    exec.fence_fd = -1;
    if (submission) {
        exec.ring_idx = submission->ring.value();
        static_assert(sizeof(GemHandle) == sizeof(uint32_t));  // the node reads an array of these
        exec.bo_handles = user_pointer(submission->bo_handles.data());
        exec.num_bo_handles = static_cast<uint32_t>(submission->bo_handles.size());
        exec.syncobj_stride = sizeof(virtgpu::ExecbufferSyncobj);
        exec.out_syncobjs = user_pointer(submission->out.data());
        exec.num_out_syncobjs = static_cast<uint32_t>(submission->out.size());
    }
    if (const int error = channel.ioctl(kVirtgpuExecbuffer, &exec); error < 0) return error;
    if (fence) fence->reset(exec.fence_fd);
    return 0;
}

/// Sends the batch; keeps it if the node refuses.
int CommandStream::send(const Channel& channel, const GpuSubmission* submission, UniqueFd* fence) {
    if (!submission && !fence && pass_by(channel)) return 0;
    // Before it is sent: it comes behind the resources so far, but maybe not behind the next one.
    const uint32_t blobs = blobs_ended_;
    const bool is_behind = !batch_.empty() && has_foreign_resource_.exchange(false);
    const uint32_t awake = ring_.exists() ? ring_.awake() : 0;
    const int error = transfer(channel, batch_, submission, fence);
    if (error < 0) {
        if (is_behind) has_foreign_resource_ = true;
        return error;
    }
    if (!batch_.empty()) {
        monitors_seqno_ = last_seqno_;
        blobs_before_ = blobs;
        hosts_blobs_.reset();
        woken_from_ = awake;
        if (fence || (submission && !submission->may_pass_by)) fenced_seqno_ = last_seqno_;
    }
    clear_batch();
    return 0;
}

/// Whether it has run what went through the monitor, and knows all blobs. Counting too few of those
/// is harmless: then the next request goes through the monitor.
bool CommandStream::host_has_caught_up() {
    if (!ring_.exists() || !reached(monitors_seqno_)) return false;
    if (!hosts_blobs_) hosts_blobs_ = ring_.blobs();
    const uint32_t counted = ring_.blobs() - *hosts_blobs_;  // first: more may be begun since
    return static_cast<int32_t>(counted - (blobs_begun_ - blobs_before_)) >= 0;
}

/// Whether requests may be in the ring already. The host puts them behind what went through the
/// monitor by itself, but the fence of that stands for all that it finds there: where somebody may
/// wait for the fence, it comes first. And the host must know the blobs by then.
bool CommandStream::host_is_ready() {
    if (fenced_seqno_ && reached(*fenced_seqno_)) fenced_seqno_.reset();
    if (fenced_seqno_) return false;
    if (!GuestRing::may_follow(last_seqno_, monitors_seqno_)) return false;
    return blobs_begun_ == blobs_before_ || host_has_caught_up();
}

/// Whether the host will look at the ring: it is awake, or what is on its way to it wakes it.
bool CommandStream::host_will_look() {
    const uint32_t awake = ring_.awake();
    if (!GuestRing::is_awake(awake)) return woken_from_ == awake && awake != wire::GuestRing::kGone;
    woken_from_.reset();
    return true;
}

/// Sends the batch past the monitor; false: it cannot. A host that is awake is soon ready for it.
bool CommandStream::pass_by(const Channel& channel) {
    if (batch_.empty() || !ring_.exists() || has_foreign_resource_ || !host_will_look())
        return false;
    // It is called with the lock held.
    const auto is_ready = [this]() VIADUCT_LOCKS_UNCHECKED { return host_is_ready(); };
    if (!is_ready() && !(catch_up_wait_.is_promising() && catch_up_wait_.wait(is_ready)))
        return false;
    // Behind a full ring, the monitor's way would be no shorter.
    const auto is_written = [this]() VIADUCT_LOCKS_UNCHECKED {
        return ring_.write(batch_, monitors_seqno_);
    };
    if (!is_written() &&
        !(GuestRing::fits(batch_) && room_wait_.is_promising() && room_wait_.wait(is_written)))
        return false;
    clear_batch();
    if (host_will_look()) return true;
    const uint32_t awake = ring_.awake();
    UniqueFd fence;  // a request without commands or a fence would not wake it
    if (transfer(channel, {}, nullptr, &fence) == 0) woken_from_ = awake;
    return true;
}

void CommandStream::clear_batch() {
    batch_.clear();
    batched_requests_ = 0;
}

int CommandStream::flush(const Channel& channel) {
    if (lost()) return -ENODEV;
    const LockGuard lock(mutex_);
    return batched_requests_ ? send(channel, nullptr, nullptr) : 0;
}

int CommandStream::post(const Channel& channel, std::span<std::byte> request) {
    if (lost()) return -ENODEV;
    const LockGuard lock(mutex_);
    if (const int error = make_room_in_batch(channel, request.size()); error < 0) return error;
    append(request, discard_offset_);
    return 0;
}

int CommandStream::post(const Channel& channel, std::span<std::byte> request, Receipt receipt,
                        uint32_t& seqno) {
    if (lost()) return -ENODEV;
    const LockGuard lock(mutex_);
    if (const int error = make_room_in_batch(channel, request.size()); error < 0) return error;
    const int error = append_with_receipt(channel, request, std::move(receipt));
    seqno = last_seqno_;
    return error;
}

int CommandStream::execute(const Channel& channel, std::span<std::byte> request,
                           const GpuSubmission& submission, Receipt receipt, Execution& execution) {
    if (lost()) return -ENODEV;
    const LockGuard lock(mutex_);
    const int refused = append_with_receipt(channel, request, std::move(receipt));
    if (refused < 0) return refused;
    execution.seqno = last_seqno_;
    execution.has_passed_by = submission.may_pass_by && pass_by(channel);
    if (execution.has_passed_by) return 0;
    const int error = send(channel, &submission, nullptr);
    if (error == 0) return 0;
    drop_from(batch_.size() - request.size());
    receipts_.take_back();
    return error;
}

int CommandStream::make_room(const Channel& channel) {
    if (lost()) return -ENODEV;
    const LockGuard lock(mutex_);
    return make_room_for_receipt(channel);
}

bool CommandStream::has_room() {
    const LockGuard lock(mutex_);
    return !receipts_.full();
}

int CommandStream::signal(const Channel& channel, RingIndex ring,
                          std::span<const virtgpu::ExecbufferSyncobj> out) {
    const GpuSubmission submission{.ring = ring, .out = out, .bo_handles = {}};
    return transfer(channel, {}, &submission, nullptr);
}

int CommandStream::settle(const Channel& channel, uint32_t seqno) {
    if (lost()) return -ENODEV;
    if (reached(seqno)) return 0;
    UniqueFd fence;
    {
        const LockGuard lock(mutex_);
        if (const int error = send(channel, nullptr, &fence); error < 0) return error;
    }
    return wait_for(channel, fence.get(), seqno);
}

std::vector<Outcome> CommandStream::take_outcomes() {
    const LockGuard lock(mutex_);
    receipts_.collect(published(), outcomes_);
    return std::exchange(outcomes_, {});
}

bool CommandStream::take_slots(std::span<const Call> calls, std::vector<Slot>& slots) {
    for (const Call& call : calls) {
        const auto size = static_cast<uint32_t>(call.response.size());
        const auto offset = area_.allocate(size);
        if (!offset) {
            give_back_slots(slots);
            slots.clear();
            return false;
        }
        slots.push_back({*offset, size});
    }
    return true;
}

void CommandStream::give_back_slots(const std::vector<Slot>& slots) {
    for (const Slot& slot : slots) area_.release(slot.offset, slot.size);
}

int CommandStream::start_calls(const Channel& channel, std::span<const Call> calls,
                               std::vector<Slot>& slots, UniqueFd* fence, uint32_t& last_seqno) {
    UniqueLock lock(mutex_);
    // Somebody else's answer frees room, unless the host is lost: then nothing will.
    for (int i = 0; !take_slots(calls, slots); ++i) {
        if (lost() || i == patience_.slices) return -ENODEV;
        slots_freed_.wait_for(lock.native(), patience_.slice);
    }
    for (size_t i = 0; i < calls.size(); ++i) {
        const uint32_t room = ResponseArea::round_up(slots[i].size);
        std::memset(shmem_.data() + area_start_ + slots[i].offset, 0, room);
        word_at(shmem_, area_start_ + slots[i].offset).store(room);
        append(calls[i].request, slots[i].offset);
    }
    last_seqno = last_seqno_;
    const int error = send(channel, nullptr, fence);
    if (error == 0) return 0;
    for (size_t i = calls.size(); i-- > 0;) drop_from(batch_.size() - calls[i].request.size());
    give_back_slots(slots);
    return error;
}

int CommandStream::call_all(const Channel& channel, std::span<const Call> calls) {
    if (lost()) return -ENODEV;
    uint64_t room = 0;
    for (const Call& call : calls) {
        if (call.response.size() < sizeof(wire::ResponseHeader)) return -EINVAL;
        room += ResponseArea::round_up(static_cast<uint32_t>(call.response.size()));
    }
    if (room > max_response()) return -EINVAL;

    std::vector<Slot> slots;
    UniqueFd fence;
    uint32_t seqno = 0;
    const bool briefly = brief_wait_.is_promising();
    if (const int error = start_calls(channel, calls, slots, briefly ? nullptr : &fence, seqno);
        error < 0)
        return error;
    // On failure the room stays taken: a late answer would otherwise land in someone else's.
    if (const int error = wait_for_answer(channel, std::move(fence), seqno); error < 0)
        return error;

    const LockGuard lock(mutex_);
    for (size_t i = 0; i < calls.size(); ++i)
        std::memcpy(calls[i].response.data(), shmem_.data() + area_start_ + slots[i].offset,
                    calls[i].response.size());
    give_back_slots(slots);
    slots_freed_.notify_all();
    return 0;
}

uint32_t CommandStream::published() const {
    return word_at(shmem_, offsetof(wire::ShmemHeader, seqno)).load();
}

bool CommandStream::lost() const {
    if (lost_.load(std::memory_order_relaxed)) return true;
    // In this order: what is sent in between only makes it fewer.
    const uint32_t reached = published();
    return static_cast<int32_t>(reached - last_seqno_.load()) > 0;
}

/// Of an array of wire::FinishedWork, at this offset.
std::atomic_ref<uint32_t> CommandStream::finished_word(size_t array, uint32_t ring) const {
    const size_t start = area_start_ - sizeof(wire::FinishedWork);
    return word_at(shmem_, static_cast<uint32_t>(start + array + ring * sizeof(uint32_t)));
}

// Of a ring that had no work for long, the number may be so old that it looks like a future one.
bool CommandStream::has_finished(RingIndex ring, uint32_t seqno) const {
    if (!shows_finished_ || ring.value() >= kShownRings) return false;
    const uint32_t finished =
        finished_word(offsetof(wire::FinishedWork, requests), ring.value()).load();
    return finished - seqno <= last_seqno_.load() - seqno;
}

void CommandStream::look_for(RingIndex ring, uint32_t seqno) {
    if (!shows_finished_ || ring.value() >= kShownRings) return;
    looks_.fetch_or(uint64_t{1} << ring.value());
    const auto word = finished_word(offsetof(wire::FinishedWork, looked_for), ring.value());
    if (word.load(std::memory_order_relaxed) != seqno) word.store(seqno);
}

void CommandStream::look_for_nothing(RingIndex ring) {
    if (shows_finished_ && ring.value() < kShownRings)
        finished_word(offsetof(wire::FinishedWork, looked_for), ring.value()).store(0);
}

void CommandStream::look_for_nothing() {
    for (uint64_t rings = looks_.exchange(0); rings != 0; rings &= rings - 1)
        look_for_nothing(RingIndex(static_cast<uint32_t>(std::countr_zero(rings))));
}

bool CommandStream::reached(uint32_t seqno) const {
    return static_cast<int32_t>(published() - seqno) >= 0;
}

/// Of a fence of ring 0, which means "processed".
int CommandStream::wait_readable(const Channel& channel, int fence_fd) {
    for (int i = 0; i < patience_.slices; ++i) {
        const int ready = channel.kernel.wait_readable(fence_fd, patience_.slice);
        if (ready < 0) return declare_lost("cannot wait for its fence");
        if (ready > 0) return 0;
    }
    return declare_lost("it did not answer in time");
}

int CommandStream::wait_for_seqno(uint32_t seqno) {
    for (int spin = 0; spin < patience_.slices; ++spin) {
        if (reached(seqno)) return lost() ? -EIO : 0;
        std::this_thread::sleep_for(patience_.slice / 100);
    }
    return declare_lost("a command's sequence number did not arrive in time");
}

int CommandStream::wait_for(const Channel& channel, int fence_fd, uint32_t seqno) {
    if (const int error = wait_readable(channel, fence_fd); error < 0) return error;
    // The number is there already, or the command broke.
    return wait_for_seqno(seqno);
}

/// Without a fence: looks for the answer first.
int CommandStream::wait_for_answer(const Channel& channel, UniqueFd fence, uint32_t seqno) {
    if (!fence) {
        if (brief_wait_.wait([&] { return reached(seqno); })) return lost() ? -EIO : 0;
        // Without a fence, the number itself tells.
        if (transfer(channel, {}, nullptr, &fence) < 0) return wait_for_seqno(seqno);
    }
    return wait_for(channel, fence.get(), seqno);
}

int CommandStream::declare_lost(const char* what) {
    if (!lost_.exchange(true)) print_line(fmt::format("this context lost its host: {}", what));
    return -EIO;
}

}  // namespace viaduct::guest
