// The server process.
#pragma once

#include "tests/loopback/runner/options.h"

namespace viaduct::loopback {

/// Loads the library and serves until nobody needs it. Returns the process's exit status.
int serve(const Options& options);

}  // namespace viaduct::loopback
