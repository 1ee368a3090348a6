// The two ends of what connects a front to a worker.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "base/unique_fd.h"
#include "blob/mapping.h"
#include "drm-context/transport/shared_page.h"

namespace viaduct::transport {

/// One end: the shared memory, the control socket, and the two wake-ups.
struct ChannelEnd {
    Mapping memory;
    UniqueFd socket;
    UniqueFd doorbell;  // front → worker: the ring has records
    UniqueFd notify;    // worker → front: fences retired, room in the ring, end

    SharedPage& page() const { return *reinterpret_cast<SharedPage*>(memory.data()); }
    std::span<std::byte> ring_bytes() const { return memory.bytes().subspan(kRingOffset); }
};

/// The same as descriptors, which can be handed to another process.
struct ChannelDescriptors {
    UniqueFd memory;
    UniqueFd socket;
    UniqueFd doorbell;
    UniqueFd notify;
};

struct Channel {
    ChannelEnd front;
    ChannelDescriptors worker;
};

/// Creates a channel with a ring of `ring_size` bytes (a multiple of 64).
Result<Channel> create_channel(uint64_t ring_size);

/// Maps the memory. EINVAL: it is too small for a ring.
Result<ChannelEnd> open_channel_end(ChannelDescriptors descriptors);

}  // namespace viaduct::transport
