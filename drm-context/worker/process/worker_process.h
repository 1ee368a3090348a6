// What a forked worker does before and after the worker's life.
#pragma once

#include <sys/types.h>

#include "drm-context/worker/worker_host.h"

namespace viaduct {

/// Runs a worker in this freshly forked process, and ends the process. `zygote` is its parent.
[[noreturn]] void run_worker_process(WorkerStart start, pid_t zygote);

}  // namespace viaduct
