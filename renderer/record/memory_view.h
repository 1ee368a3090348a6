// MemoryView: a resource's bytes, where this process reads them.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "base/unique_fd.h"
#include "blob/mapping.h"

namespace viaduct {

struct MemoryView {
    Mapping mapping;                   // not valid: guest memory
    std::vector<iovec> guest;          // borrowed from the VMM
    std::shared_ptr<const void> file;  // held as long as the mapping
    /// The memory's file if it is an ordinary one: pages that nobody has touched are not read then.
    UniqueFd sparse;
    uint64_t offset = 0;  // of the mapping in that file
};

}  // namespace viaduct
