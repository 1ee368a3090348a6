// EXEC_QUEUE_*, EXEC, WAIT_USER_FENCE.
#include <array>
#include <chrono>
#include <cstring>
#include <thread>

#include "guest-mesa/layer/clock.h"
#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/fence_debts.h"
#include "guest-mesa/layer/xe/driver.h"

namespace viaduct::guest::xe {

namespace {

using namespace uapi::xe;

constexpr uint32_t kMostEngines = 9;      // XE_HW_ENGINE_MAX_INSTANCE
constexpr uint32_t kMostExtensions = 16;  // MAX_USER_EXTENSIONS

/// Extensions are not on the wire: those that only ask for what is the case anyway are taken.
int check_property(const ExtensionSetProperty& extension) {
    if (extension.base.name != kExtensionSetProperty || extension.base.pad || extension.pad)
        return -EINVAL;
    switch (extension.property) {
        case kPropertyPriority:
            if (extension.value > kPriorityHigh) return -EINVAL;
            return extension.value > kPriorityNormal ? -EPERM : 0;
        case kPropertyTimeslice:
            return 0;
        case kPropertyPxpType:
            return extension.value == 0 ? 0 : -ENODEV;
        default:
            return -EINVAL;
    }
}

int check_extensions(uint64_t pointer) {
    for (uint32_t count = 0; pointer != 0; ++count) {
        if (count == kMostExtensions) return -E2BIG;
        ExtensionSetProperty extension;
        std::memcpy(&extension, reinterpret_cast<const void*>(static_cast<uintptr_t>(pointer)),
                    sizeof(extension));
        if (const int error = check_property(extension); error < 0) return error;
        pointer = extension.base.next_extension;
    }
    return 0;
}

}  // namespace

int Driver::exec_queue_create(const Channel& channel, ExecQueueCreate& arg) {
    IoctlNotes::add("vm={} width={} placements={}", arg.vm_id, arg.width, arg.num_placements);
    const uint32_t count = uint32_t{arg.width} * arg.num_placements;
    if (arg.reserved[0] || arg.reserved[1] || count == 0 || count > kMostEngines) return -EINVAL;
    if (!arg.instances) return -EFAULT;
    if (const int error = check_extensions(arg.extensions); error < 0) return error;
    struct Request {
        wire::ExecQueueCreateRequest head;
        std::array<wire::EngineInstance, kMostEngines> engines;
    } request{};
    static_assert(sizeof(wire::EngineInstance) == sizeof(EngineInstance));
    request.head = make_request<wire::ExecQueueCreateRequest>(wire::Command::kExecQueueCreate);
    const size_t bytes = count * sizeof(wire::EngineInstance);
    request.head.hdr.len += static_cast<uint32_t>(bytes);
    request.head.vm_id = arg.vm_id;
    request.head.flags = arg.flags;
    request.head.width = arg.width;
    request.head.num_placements = arg.num_placements;
    std::memcpy(request.engines.data(),
                reinterpret_cast<const void*>(static_cast<uintptr_t>(arg.instances)), bytes);
    wire::Response answer{};
    const auto sent = as_bytes(request).first(request.head.hdr.len);
    if (const int error = stream().call(channel, {sent, as_bytes(answer)}); error < 0) return error;
    if (answer.ret != 0) return error_of(answer.ret);
    const LockGuard lock(mutex_);
    queues_[answer.value] = {.binds = request.engines[0].engine_class == kClassVmBind};
    arg.exec_queue_id = answer.value;
    return 0;
}

int Driver::exec_queue_destroy(const Channel& channel, ExecQueueDestroy& arg) {
    IoctlNotes::add("queue={}", arg.exec_queue_id);
    {
        const LockGuard lock(mutex_);
        if (queues_.erase(arg.exec_queue_id) == 0) return -ENOENT;
    }
    session_.fences.forget_context(arg.exec_queue_id);
    auto request = make_request<wire::ExecQueueDestroyRequest>(wire::Command::kExecQueueDestroy);
    request.exec_queue_id = arg.exec_queue_id;
    return stream().post(channel, as_bytes(request));
}

/// Submissions that the host refused, which shows only in answers to queries.
void Driver::note_outcomes() {
    const LockGuard lock(mutex_);
    for (const Outcome& outcome : stream().take_outcomes()) {
        const auto queue = queues_.find(static_cast<uint32_t>(outcome.receipt.owner));
        if (queue != queues_.end()) queue->second.failed = true;
    }
}

bool Driver::is_banned(uint32_t queue) {
    if (stream().lost()) return true;
    const uint64_t mask = stream().shmem_u64(offsetof(wire::Shmem, banned_exec_queue_mask));
    if (queue < 64 && (mask >> queue & 1) != 0) return true;
    note_outcomes();
    const LockGuard lock(mutex_);
    const auto found = queues_.find(queue);
    return found != queues_.end() && found->second.failed;
}

int Driver::exec_queue_get_property(const Channel&, ExecQueueGetProperty& arg) {
    {
        const LockGuard lock(mutex_);
        if (!queues_.contains(arg.exec_queue_id)) return -ENOENT;
    }
    if (arg.property != kQueueBan) return -EINVAL;
    arg.value = is_banned(arg.exec_queue_id) ? 1 : 0;
    IoctlNotes::add("queue={} banned={}", arg.exec_queue_id, uint64_t{arg.value});
    return 0;
}

int Driver::exec(const Channel& channel, Exec& arg) {
    IoctlNotes::add("queue={} batches={} address={:#x} syncs={}", arg.exec_queue_id,
                    arg.num_batch_buffer, uint64_t{arg.address}, arg.num_syncs);
    if (arg.extensions || arg.reserved[0] || arg.reserved[1]) return -EINVAL;
    {
        const LockGuard lock(mutex_);
        const auto queue = queues_.find(arg.exec_queue_id);
        if (queue == queues_.end()) return -ENOENT;
        if (queue->second.binds || arg.num_batch_buffer > 1) return -EINVAL;
    }
    if (is_banned(arg.exec_queue_id)) return -ECANCELED;
    Syncs syncs;
    if (const int error = syncs.parse(arg.syncs, arg.num_syncs); error < 0) return error;
    // The GPU would write it, when the work is done: the wire has no room for that.
    if (syncs.user_fence) return -EOPNOTSUPP;
    const RingIndex ring = ring_of(arg.exec_queue_id);
    if (const int error = syncs.wait(channel, session_, ring); error < 0) return error;
    return send_exec(channel, arg, syncs);
}

int Driver::send_exec(const Channel& channel, const Exec& arg, const Syncs& syncs) {
    const RingIndex ring = ring_of(arg.exec_queue_id);
    auto request = make_request<wire::ExecRequest>(wire::Command::kExec);
    request.exec_queue_id = arg.exec_queue_id;
    request.num_batch_buffer = arg.num_batch_buffer;
    request.address = arg.num_batch_buffer != 0 ? arg.address : 0;
    uint64_t number = 0;
    {
        const LockGuard lock(mutex_);
        // Another thread may have destroyed it since.
        const auto queue = queues_.find(arg.exec_queue_id);
        if (queue == queues_.end()) return -ENOENT;
        number = ++queue->second.submissions;
    }
    const int error =
        send_work(channel, session_, as_bytes(request),
                  {.ring = ring, .out = syncs.out, .bo_handles = {}, .may_pass_by = true},
                  Receipt{arg.exec_queue_id, {}},
                  {.context = arg.exec_queue_id, .timeline = ring, .seqno = number});
    return error < 0 && stream().lost() ? -ECANCELED : error;
}

/// Only VM_BIND has user fences here, and has signalled its own when it returns.
int Driver::wait_user_fence(const Channel&, WaitUserFence& arg) {
    constexpr std::array<bool (*)(uint64_t, uint64_t), 6> kComparisons = {
        [](uint64_t a, uint64_t b) { return a == b; },
        [](uint64_t a, uint64_t b) { return a != b; },
        [](uint64_t a, uint64_t b) { return a > b; },
        [](uint64_t a, uint64_t b) { return a >= b; },
        [](uint64_t a, uint64_t b) { return a < b; },
        [](uint64_t a, uint64_t b) { return a <= b; }};
    if (arg.op >= kComparisons.size() || arg.addr % sizeof(uint64_t) != 0 || !arg.addr)
        return -EINVAL;
    const int64_t now = monotonic_now();
    const bool absolute = arg.flags & kWaitAbsolute;
    const bool endless = arg.timeout < 0 || (!absolute && arg.timeout > INT64_MAX - now);
    const int64_t deadline = endless ? INT64_MAX : absolute ? arg.timeout : now + arg.timeout;
    for (;;) {
        const uint64_t value = __atomic_load_n(
            reinterpret_cast<const uint64_t*>(static_cast<uintptr_t>(arg.addr)), __ATOMIC_ACQUIRE);
        if (kComparisons[arg.op](value & arg.mask, arg.value & arg.mask)) return 0;
        if (stream().lost()) return -EIO;
        if (monotonic_now() >= deadline) return -ETIME;
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
}

}  // namespace viaduct::guest::xe
