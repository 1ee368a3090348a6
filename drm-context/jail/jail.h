// The jail: what a worker gives up before it looks at anything of a guest's.
#pragma once

#include <memory>

#include "drm-context/device/device.h"
#include "drm-context/driver/table.h"
#include "drm-context/jail/syscall_filter.h"

namespace viaduct::jail {

enum class Gpu { kReal, kSimulated };

/// The part of a jail that differs between kinds of workers; prepared in the zygote, once per kind.
struct Cell {
    SyscallFilter filter;
    std::vector<uint32_t> ioctl_requests;
    Gpu gpu = Gpu::kReal;
};
Result<Cell> prepare(const ContextTypeInfo& type, Gpu gpu);

/// Closes the jail around this process, for good: resource limits, capabilities, the last
/// directory, no_new_privs, Landlock, the filter. `report_to`: the socket that hears of refused
/// calls.
Status close(const Cell& cell, int report_to);

/// When the host runs out of memory, the kernel ends this process before any other. Before close(),
/// while /proc can be reached (keep_proc_directory).
void offer_to_the_oom_killer();

/// A simulated GPU makes no real ioctls that the kernel could check: this checks them in its stead,
/// by the same list (EPERM), so that tests without a GPU find what is missing there.
Result<std::unique_ptr<Device>> check_ioctls(std::unique_ptr<Device> device, const Cell& cell);

}  // namespace viaduct::jail
