// The steps of a forked worker before and after the worker's life.
#pragma once

#include <sys/types.h>

#include "drm-context/jail/jail.h"
#include "drm-context/worker/worker_host.h"

namespace viaduct {

/// Runs a worker in this freshly forked process, in the jail, and ends the process. `zygote` is its
/// parent.
[[noreturn]] void run_worker_process(WorkerStart start, const jail::Cell& cell, pid_t zygote);

}  // namespace viaduct
