// EXEC_QUEUE_CREATE, EXEC_QUEUE_DESTROY, and bans.
#include <algorithm>

#include "drm-context/xe/xe_context.h"

namespace viaduct::xe {

namespace w = wire::xe;
using namespace uapi::xe;

namespace {

constexpr uint64_t kMostEngines = 9;  // XE_HW_ENGINE_MAX_INSTANCE (xe_hw_engine_types.h)
// Each ban may have been a reset that others felt. Drivers do not go on after the first.
constexpr uint32_t kMostBans = 16;

}  // namespace

/// The lowest id whose ring has nothing left of a queue that had the id before.
Result<uint32_t> XeContext::free_queue_id() {
    for (uint32_t id = 1; id <= w::kLastQueue; ++id)
        if (!queues_.contains(id) && rings().idle(ring_of(id))) return id;
    return fail(ENOSPC, "the context already has {} queues, the maximum", w::kLastQueue);
}

Status XeContext::check_engines(std::span<const uapi::xe::EngineInstance> engines) const {
    for (const uapi::xe::EngineInstance& wanted : engines) {
        if (wanted.engine_class == kClassVmBind) continue;
        const auto is_it = [&](const Engine& engine) {
            return engine.instance.engine_class == wanted.engine_class &&
                   engine.instance.engine_instance == wanted.engine_instance &&
                   engine.instance.gt_id == wanted.gt_id;
        };
        if (std::ranges::none_of(engines_, is_it))
            return fail(EINVAL, "engine {}.{} does not exist, or this VM is not offered it",
                        wanted.engine_class, wanted.engine_instance);
    }
    return {};
}

Status XeContext::exec_queue_create(Request& request) {
    const auto wanted = request.as<w::ExecQueueCreateRequest>();
    const uint64_t count = uint64_t{wanted.width} * wanted.num_placements;
    std::span<const std::byte> payload;
    if (request.size() != sizeof(wanted) + count * sizeof(w::EngineInstance) ||
        !request.payload(sizeof(wanted), count * sizeof(w::EngineInstance), &payload))
        return fail(EINVAL, "{} engines do not match a request of {} bytes", count, request.size());
    // Parallel batches have their addresses behind a pointer, for which the wire has no form.
    if (wanted.width != 1 || count == 0 || count > kMostEngines)
        return fail(EINVAL, "a queue cannot have {} x {} engines", wanted.width,
                    wanted.num_placements);
    const uint32_t hints = offers_low_latency() ? kQueueLowLatency : 0;
    if (wanted.flags & ~hints) return fail(EINVAL, "unknown queue flags {:#x}", wanted.flags);
    const auto vm = vms_.find(wanted.vm_id);
    if (vm == vms_.end()) return fail(ENOENT, "VM {} does not exist", wanted.vm_id);
    if (bans_ >= kMostBans)
        return fail(EACCES, "{} queues of this context hung, the maximum", bans_);

    std::vector<uapi::xe::EngineInstance> engines;
    for (uint64_t i = 0; i < count; ++i) {
        const auto entry = element<w::EngineInstance>(payload, i);
        engines.push_back({entry.engine_class, entry.engine_instance, entry.gt_id, 0});
    }
    if (auto status = check_engines(engines); !status) return status;
    const auto id = free_queue_id();
    if (!id) return tl::unexpected(id.error());
    const RingIndex ring = ring_of(*id);
    if (!rings().has(ring))
        if (auto status = rings().add(ring); !status) return status;

    ExecQueueCreate args{};
    args.width = 1;
    args.num_placements = wanted.num_placements;
    args.vm_id = wanted.vm_id;
    args.flags = wanted.flags;
    args.instances = reinterpret_cast<uint64_t>(engines.data());
    if (const int error = device().ioctl(kExecQueueCreate, &args); error < 0)
        return fail(-error, "the kernel refused a queue (errno {})", -error);
    const bool binds = engines.front().engine_class == kClassVmBind;
    queues_.insert_or_assign(*id, Queue{args.exec_queue_id, next_serial_++, vm->second, binds});
    watch().created(*id);
    if (!binds) statistics().describe(ring, class_of(engines.front().engine_class), 0);
    w::Response response{};
    response.value = *id;
    request.respond(response);
    return {};
}

Status XeContext::exec_queue_destroy(Request& request) {
    const auto wanted = request.as<w::ExecQueueDestroyRequest>();
    const auto queue = queues_.extract(wanted.exec_queue_id);
    if (!queue) return fail(ENOENT, "queue {} does not exist", wanted.exec_queue_id);
    watch().destroyed(wanted.exec_queue_id);  // before the id can come back
    ExecQueueDestroy args{};
    args.exec_queue_id = queue.mapped().kernel_id;
    if (const int error = device().ioctl(kExecQueueDestroy, &args); error < 0)
        return fail(-error, "queue {} (errno {})", wanted.exec_queue_id, -error);
    return {};
}

void XeContext::check_for_reset() {
    watch().check([this](uint32_t queue) { return look_for_ban(queue); });
}

/// The kernel does not report whether its own work hung or another's reset took it along.
LossWatch::Finding XeContext::look_for_ban(uint32_t queue) {
    const auto found = queues_.find(queue);
    if (found == queues_.end()) return LossWatch::Finding::kWell;
    ExecQueueGetProperty args{};
    args.exec_queue_id = found->second.kernel_id;
    args.property = kQueueBan;
    const int error = device().ioctl(kExecQueueGetProperty, &args);
    // A device that is beyond recovery answers nothing else.
    const bool banned = error == -ECANCELED || (error >= 0 && args.value != 0);
    if (!banned) return LossWatch::Finding::kWell;
    ++bans_;
    return LossWatch::Finding::kLost;
}

}  // namespace viaduct::xe
