// Which way workers are isolated: VIADUCT_ISOLATION, and what the VMM's surroundings allow.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "drm-context/worker/worker_host.h"

namespace viaduct {

/// A process per worker. Threads only with VIADUCT_ISOLATION=thread; or if it is unset and there
/// can be no process for as long as this one runs (logged once): the VMM has a seccomp filter of
/// its own, or no worker program is installed, and VIADUCT_WORKER_SOCKET names no service. Whatever
/// else goes wrong fails a start.
///
/// `simulated`: the workers will open a simulated GPU. `losses`: how many contexts the VM has lost.
std::unique_ptr<WorkerLauncher> launch_workers(bool simulated, std::function<uint64_t()> losses);

}  // namespace viaduct
