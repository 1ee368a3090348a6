// Counts that a leak would raise: the server process's descriptors, threads and shared mappings.
#pragma once

#include <cstddef>

namespace viaduct::loopback {

struct ProcessCounts {
    size_t descriptors = 0;
    size_t threads = 0;
    size_t memfd_mappings = 0;  // buffers; anonymous memory comes and goes with the allocator

    static ProcessCounts now();
    bool exceeds(const ProcessCounts& other) const {
        return descriptors > other.descriptors || threads > other.threads ||
               memfd_mappings > other.memfd_mappings;
    }
};

/// The counts once they are back at `start`, or after a while if they are not: contexts wind down
/// on their own time.
ProcessCounts settle(const ProcessCounts& start);

}  // namespace viaduct::loopback
