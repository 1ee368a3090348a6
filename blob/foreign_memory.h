// Memory behind a descriptor that came from an untrusted process.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace viaduct {

/// Makes sure that `size` bytes of `fd` from `offset` can be mapped and stay there: whoever shrinks
/// a mapped file turns the next access to it into SIGBUS. Accepts memfds sealed against shrinking
/// and dma-bufs (their size never changes). EACCES: anything else; EINVAL: it is smaller.
Status check_mappable(int fd, uint64_t offset, uint64_t size);

/// The same for dma-bufs only: what comes from a GPU's driver is one. EACCES: it is not.
Status check_dmabuf(int fd, uint64_t offset, uint64_t size);

}  // namespace viaduct
