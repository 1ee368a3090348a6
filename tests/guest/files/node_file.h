// An open file of a render node, spoken to with its driver's requests and nothing in between.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/unique_fd.h"

namespace viaduct::guest_files {

/// The path of the first render node whose driver the tests know (driver.h); empty if there is
/// none.
std::string find_node();

/// The driver behind a descriptor, as DRM_IOCTL_VERSION has it; empty if that fails.
std::string driver_name(int fd);

/// Requests on a descriptor, which it does not own. Results are ≥ 0 or a negative errno.
class NodeFile {
  public:
    explicit NodeFile(int fd) : fd_(fd) {}

    int fd() const { return fd_; }
    /// A GPU context's number, or what the driver has in its place.
    int create_context() const;
    /// A handle of a buffer in the CPU's reach.
    int create_buffer(size_t bytes) const;
    int close_buffer(uint32_t handle) const;
    /// Stores `seed`'s bytes in a buffer through a mapping made on `map_fd`, a copy of the
    /// descriptor; or compares them.
    bool fill(uint32_t handle, size_t bytes, uint8_t seed, int map_fd) const;
    bool holds(uint32_t handle, size_t bytes, uint8_t seed) const;
    /// Context, buffer, mapping: true if all works.
    bool works() const;

  private:
    int fd_;
};

}  // namespace viaduct::guest_files
