// The node and the helper process of the tests of open files.
#pragma once

#include <string>

namespace viaduct::guest_files {

/// The render node that is tested.
const std::string& node_path();

/// Starts this program anew, to use the descriptor that it inherits under this number. Its exit
/// status; -1 if it could not be started.
int run_self_on(int fd);

}  // namespace viaduct::guest_files
