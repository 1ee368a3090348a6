// Privileges as the kernel's drivers ask for them.
#pragma once

namespace simgpu::drm {

/// Linux: capable(), for CAP_* of <linux/capability.h>: in the initial user namespace, whatever the
/// process may do in its own.
bool capable(int capability);

}  // namespace simgpu::drm
