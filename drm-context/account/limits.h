// Limits of one context's use of its GPU (set by the renderer, enforced by the worker), and one
// VM's of its VMM's process.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "drm-context/device/queue_class.h"

namespace viaduct {

/// The highest priority a guest may give its submissions; those above are refused as a kernel does
/// without CAP_SYS_NICE.
enum class PriorityCeiling : uint32_t { kLow, kNormal, kHigh, kRealtime };

/// Operations that affect the whole GPU, and resources that it has few of: bits of
/// ContextLimits::allowed. Kernels allow them to every user.
enum class DeviceWide : uint32_t {
    kPstate = 1,   // force the clocks of the whole GPU
    kVmid = 2,     // reserve the VMID that there is one of
    kOnChip = 4,   // buffers in GDS, GWS and OA, a few kilobytes and slots
    kSensors = 8,  // read clocks, temperature, load and power: of all users together
};

/// Crosses the border to the worker's process as it is. 0 means no limit unless a field says
/// otherwise.
struct ContextLimits {
    static constexpr uint32_t kAllQueues = UINT32_MAX;
    // Far above what drivers need. Each is memory of the host's kernel that no budget of GPU memory
    // counts: 1 KiB per buffer, 200 bytes per mapping, 1.7 KiB per region beside its page table.
    static constexpr uint32_t kDefaultBuffers = 1 << 16;
    static constexpr uint32_t kDefaultMappings = 1 << 18;
    static constexpr uint32_t kDefaultRegions = 1 << 18;

    uint64_t vm_memory = 0;                // bytes of GPU memory, all contexts of the VM together
    uint64_t context_memory = 0;           // bytes of GPU memory of this context
    uint32_t buffers = kDefaultBuffers;    // buffer objects of this context
    uint32_t mappings = kDefaultMappings;  // ranges mapped in its GPU address space
    uint32_t regions = kDefaultRegions;    // 2 MiB pieces of it that have a page table
    uint32_t allowed = static_cast<uint32_t>(DeviceWide::kSensors);
    /// Hardware queues of each class that the guest is shown; 0: none.
    std::array<uint32_t, kQueueClasses> queues = {kAllQueues, kAllQueues, kAllQueues, kAllQueues};
    PriorityCeiling priority = PriorityCeiling::kNormal;
    /// Per cent of each class's GPU time, all contexts of the VM together; 0 or 100: no limit.
    uint32_t gpu_share = 0;
    /// GPU time that a VM which was idle may use at once before its share binds it.
    uint64_t gpu_burst_ns = 50'000'000;
    /// System memory is never write-combined, whatever the guest asks for: its view of it would be
    /// ignored (device/host_memory_types.h). A property of the host and the VMM, not of a budget.
    bool cached_system_memory = false;

    uint32_t queues_of(QueueClass which) const { return queues[static_cast<size_t>(which)]; }
    bool allows(DeviceWide what) const { return (allowed & static_cast<uint32_t>(what)) != 0; }
    bool limits_gpu_time() const { return gpu_share > 0 && gpu_share < 100; }
};
static_assert(std::is_trivially_copyable_v<ContextLimits>);

/// Limits of one VM's use of its VMM's process. 0: no limit.
struct UsageLimits {
    uint32_t contexts = 0;     // whose workers run, those that wind down included
    uint32_t descriptors = 0;  // open in the VMM for the guest's resources and contexts
    uint64_t window = 0;       // bytes mapped into the guest's host-visible window
    uint32_t losses = 0;       // of contexts per minute, before new ones are refused
    std::string profile;       // where the limits come from; for messages
};

}  // namespace viaduct
