// VMs (Linux: xe_vm.c).
#include <cerrno>

#include "simgpu/intel/kernel/xe/drm_file.h"
#include "simgpu/log.h"

namespace simgpu::intel::xe::vm {

using namespace uapi::xe;

int create(DrmFile& file, void* argument) {
    auto& args = *static_cast<VmCreate*>(argument);
    if (args.extensions || args.reserved[0] || args.reserved[1]) return -EINVAL;
    if (args.flags & ~(kVmScratchPage | kVmLongRunning | kVmFaultMode)) return -EINVAL;
    // Faults need hardware that can repeat an access (xe_device_info.has_usm), from Xe_HPC on.
    if (args.flags & kVmFaultMode) return -EINVAL;
    if (args.flags & kVmLongRunning) {
        log("client {} ({}): long-running VMs are not simulated", file.client_id(),
            file.client_name());
        return -EINVAL;
    }
    const bool scratch = args.flags & kVmScratchPage;
    const auto id = file.vms().add([&](uint32_t) { return std::make_shared<Vm>(scratch); });
    if (!id) return id.error();
    args.vm_id = *id;
    return 0;
}

int destroy(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const VmDestroy*>(argument);
    if (args.pad || args.reserved[0] || args.reserved[1]) return -EINVAL;
    const VmPtr vm = file.vms().take(args.vm_id);
    if (!vm) return -ENOENT;
    vm->close();
    // Its queues' jobs on the hardware would meet page tables that are gone.
    for (const ExecQueuePtr& queue : file.queues().all())
        if (queue->shared_vm() == vm) file.stop_jobs(*queue);
    return 0;
}

}  // namespace simgpu::intel::xe::vm
