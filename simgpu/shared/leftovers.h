// Segments that nobody uses. The last one to leave a segment removes it, unless it was killed.
#pragma once

#include <string_view>

namespace simgpu::shared {

/// Removes segments in /dev/shm whose names begin so, which are this user's and which no living
/// process is attached to. False: some of them are still in use.
bool remove_leftovers(std::string_view prefix);

}  // namespace simgpu::shared
