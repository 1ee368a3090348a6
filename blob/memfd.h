// Anonymous shared memory as a sealed descriptor.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"

namespace viaduct {

/// A zero-filled memfd of exactly `size` bytes (> 0), close-on-exec. Its size is sealed: whoever
/// gets the descriptor can neither grow nor shrink it (a shrunk file would turn every access of
/// ours into SIGBUS). `name` shows in /proc/PID/maps, for people.
Result<UniqueFd> create_sealed_memfd(const char* name, uint64_t size);

/// Size in bytes of the object behind `fd` (dma-buf or memfd), asked of the kernel by seeking.
Result<uint64_t> object_size(int fd);

}  // namespace viaduct
