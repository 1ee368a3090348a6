// Times that the environment sets.
#pragma once

#include <chrono>

namespace viaduct {

/// A whole number of milliseconds above 0 from a variable, else `otherwise`.
std::chrono::milliseconds milliseconds_from_environment(const char* variable,
                                                        std::chrono::milliseconds otherwise);

/// VIADUCT_DEADLINE_MS: how long the VMM waits for one answer of a worker at most.
std::chrono::milliseconds answer_time();

/// VIADUCT_WATCHDOG_MS: after which a worker that has commands and takes none is given up.
std::chrono::milliseconds watchdog_time();

/// How often workers are looked after.
std::chrono::milliseconds check_interval();

/// The watchdog's time for a worker that waits in the kernel or for the GPU: the kernel ends such a
/// wait by itself, `job_timeout` after a job hung and once the GPU is reset. A watchdog time from
/// the environment is for these too.
std::chrono::milliseconds slow_worker_time(std::chrono::milliseconds job_timeout);

}  // namespace viaduct
