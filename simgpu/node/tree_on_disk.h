// A DeviceTree written to a private directory, so that the kernel itself walks it.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "simgpu/node/device_tree.h"

namespace simgpu::node {

/// Permissions of a node's FIFO: anyone's, and a sticky bit that no other FIFO has.
inline constexpr mode_t kNodeMode = 01666;

/// Writes `tree` below a directory of this user's in /dev/shm (else /tmp) and returns the root of
/// the copy: "<root>/dev/dri/..." is "/dev/dri/...". The directory's name is a digest of the
/// content: all processes that see the same devices share one copy, which is never changed and
/// stays when they end. A node is a FIFO there: of all that an ordinary user can make it polls like
/// a DRM file without events, and its inode tells any process which node a descriptor is of.
/// Error: what failed.
tl::expected<std::string, std::string> write_tree(const DeviceTree& tree);

/// Directory names of the copies, for tests: a digest of everything in `tree`.
std::string tree_digest(const DeviceTree& tree);

/// `path` without "//", "/./", "/../" and a slash at its end, by its letters alone.
std::string lexically_normal(std::string_view path);

}  // namespace simgpu::node
