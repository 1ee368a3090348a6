// Exec queues (Linux: xe_exec_queue.c).
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "simgpu/intel/kernel/xe/drm_file.h"
#include "simgpu/intel/kernel/xe/extensions.h"

namespace simgpu::intel::xe::queue {

using namespace uapi::xe;

namespace {

constexpr size_t kMostInstances = 9;  // XE_HW_ENGINE_MAX_INSTANCE

/// Set by extensions.
struct Properties {
    uint64_t max_priority = kPriorityNormal;
    uint64_t priority = kPriorityNormal;

    int set(uint32_t property, uint64_t value);
};

int Properties::set(uint32_t property, uint64_t value) {
    // xe_hw_engine.h: XE_HW_ENGINE_TIMESLICE_MIN and _MAX, in microseconds. Jobs of the simulated
    // engines are not sliced.
    constexpr uint64_t kShortestSlice = 1, kLongestSlice = 10'000'000;
    switch (property) {
        case kPropertyPriority:
            if (value > kPriorityHigh) return -EINVAL;
            if (value > max_priority) return -EPERM;
            priority = value;
            return 0;
        case kPropertyTimeslice:
            return value < kShortestSlice || value > kLongestSlice ? -EINVAL : 0;
        case kPropertyPxpType:
            return value == 0 ? 0 : -ENODEV;  // there is no protected content
        default:
            return -EINVAL;
    }
}

/// The entries of `args`: placement by placement, each with one for each of its parallel batches.
int read_instances(const ExecQueueCreate& args, std::vector<EngineInstance>* instances) {
    const size_t count = size_t{args.width} * args.num_placements;
    if (count == 0 || count > kMostInstances) return -EINVAL;
    if (args.instances == 0) return -EFAULT;
    instances->resize(count);
    std::memcpy(instances->data(), reinterpret_cast<const void*>(args.instances),
                count * sizeof(EngineInstance));
    return 0;
}

/// Of engines that all entries name the first. What runs in parallel needs neighbours of one class
/// (Linux: calc_validate_logical_mask()), which video engines could be: it is not simulated. Pads
/// of entries are not looked at: iris leaves them uninitialised.
int find_ring(const DrmFile& file, const ExecQueueCreate& args,
              const std::vector<EngineInstance>& instances, size_t* ring) {
    for (const EngineInstance& instance : instances) {
        const auto engine = find_engine(file.chip(), instance);
        if (!engine) return -EINVAL;
        if (instance.engine_class != instances.front().engine_class) return -EINVAL;
    }
    *ring = *find_engine(file.chip(), instances.front());
    return args.width == 1 ? 0 : -EINVAL;
}

int check_bind_queue(const ExecQueueCreate& args, const EngineInstance& instance) {
    const bool plain = args.width == 1 && args.num_placements == 1;
    return plain && instance.engine_instance == 0 ? 0 : -EINVAL;
}

}  // namespace

int create(DrmFile& file, void* argument) {
    auto& args = *static_cast<ExecQueueCreate*>(argument);
    if (args.flags & ~kQueueLowLatency || args.reserved[0] || args.reserved[1]) return -EINVAL;
    std::vector<EngineInstance> instances;
    if (const int error = read_instances(args, &instances)) return error;
    if (instances.front().gt_id != 0) return -EINVAL;
    ExecQueue::Shape shape;
    shape.binds = instances.front().engine_class == kClassVmBind;
    if (const int error = shape.binds ? check_bind_queue(args, instances.front())
                                      : find_ring(file, args, instances, &shape.ring))
        return error;
    shape.vm = file.vms().find(args.vm_id);
    if (!shape.vm || shape.vm->closed()) return -ENOENT;
    Properties properties{.max_priority = file.max_priority()};
    if (const int error = walk_extensions(args.extensions, [&](uint32_t property, uint64_t value) {
            return properties.set(property, value);
        }))
        return error;
    shape.priority = static_cast<int32_t>(properties.priority);
    const auto id = file.queues().add(
        [&](uint32_t number) { return std::make_shared<ExecQueue>(number, std::move(shape)); });
    if (!id) return id.error();
    args.exec_queue_id = *id;
    return 0;
}

int destroy(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const ExecQueueDestroy*>(argument);
    if (args.pad || args.reserved[0] || args.reserved[1]) return -EINVAL;
    const ExecQueuePtr queue = file.queues().take(args.exec_queue_id);
    if (!queue) return -ENOENT;
    queue->ban();
    file.stop_jobs(*queue);
    return 0;
}

int get_property(DrmFile& file, void* argument) {
    auto& args = *static_cast<ExecQueueGetProperty*>(argument);
    if (args.extensions || args.reserved[0] || args.reserved[1]) return -EINVAL;
    const ExecQueuePtr queue = file.queues().find(args.exec_queue_id);
    if (!queue) return -ENOENT;
    if (args.property != kQueueBan) return -EINVAL;
    args.value = queue->banned() ? 1 : 0;
    return 0;
}

}  // namespace simgpu::intel::xe::queue
