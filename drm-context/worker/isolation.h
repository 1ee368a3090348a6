// Which way workers are isolated: VIADUCT_ISOLATION, and what the VMM's surroundings allow.
#pragma once

#include <memory>

#include "drm-context/worker/worker_host.h"

namespace viaduct {

/// Workers in processes of their own; or threads, where they were asked for, or where nothing was
/// and there can be no process (said once in the log). `simulated`: they will open a simulated GPU.
std::unique_ptr<WorkerLauncher> launch_workers(bool simulated);

}  // namespace viaduct
