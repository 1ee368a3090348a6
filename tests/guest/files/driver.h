// The drivers whose nodes these programs speak to, and the few requests that they make of each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace viaduct::guest_files {

/// Functions return a number ≥ 0 or a negative errno.
struct Driver {
    std::string_view name;
    /// The object that a GPU's work belongs to: a context, or xe's VM.
    int (*create_context)(int fd);
    int (*destroy_context)(int fd, uint32_t id);
    /// A handle of a buffer in the CPU's reach.
    int (*create_buffer)(int fd, size_t bytes);
    int (*find_mmap_offset)(int fd, uint32_t handle, uint64_t* offset);
};

/// Null if the tests do not know it.
const Driver* find_driver(std::string_view name);

/// ioctl() with its errno as a negative result.
int call(int fd, unsigned long request, void* argument);

}  // namespace viaduct::guest_files
