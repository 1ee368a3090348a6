// The child's half of the test that shares memory between two processes.
#pragma once

#include <optional>

namespace viaduct::vulkan {

/// If the command line is that of a child that imports memory: does so, and gives the exit status.
std::optional<int> run_import_child(int argc, char** argv);

}  // namespace viaduct::vulkan
