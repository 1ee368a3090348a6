// Times that the environment sets.
#pragma once

#include <chrono>

namespace viaduct {

/// A whole number of milliseconds above 0 from a variable, else `otherwise`.
std::chrono::milliseconds milliseconds_from_environment(const char* variable,
                                                        std::chrono::milliseconds otherwise);

/// VIADUCT_WATCHDOG_MS: after which a worker that has commands and takes none is given up.
std::chrono::milliseconds watchdog_time();

}  // namespace viaduct
