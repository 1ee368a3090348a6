// Facts about a guest's kernel that follow from its release.
#pragma once

#include <string>

namespace viaduct::guest {

/// Faults of this release (uname -r) that matter for native contexts, each a line with what to do;
/// empty if none is known.
std::string kernel_faults(const std::string& release);

}  // namespace viaduct::guest
