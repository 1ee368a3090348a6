// Null mode: jobs end without being executed ($VIADUCT_SIMGPU_NULL), so that a measurement shows
// the cost of everything around them.
#pragma once

#include "base/result.h"

namespace simgpu {

/// Whether this process's jobs end without being executed. Everything else stays: the checks of the
/// ioctls, dependencies, the order and sharing of rings, injected trouble, the sequence numbers
/// that the kernel's driver writes, and fences. Any thread.
bool null_mode();
/// EINVAL and one sentence if $VIADUCT_SIMGPU_NULL is neither empty nor 0 or 1, which makes
/// File::open fail.
viaduct::Status null_mode_status();
/// Tests: replaces what the variable asks for.
void set_null_mode(bool on);

/// Logs, once per process, that the GPU computes nothing.
void announce_null_mode();

}  // namespace simgpu
