// Syncs: the array of struct drm_xe_sync of VM_BIND and EXEC, none of which is on the wire.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "guest-mesa/layer/guest_driver.h"
#include "guest-mesa/layer/kernel.h"
#include "guest-mesa/layer/virtgpu_ioctls.h"

namespace viaduct::guest::xe {

struct Syncs {
    std::vector<virtgpu::ExecbufferSyncobj> in;
    std::vector<virtgpu::ExecbufferSyncobj> out;
    /// Address and value of a user fence.
    std::optional<std::pair<uint64_t, uint64_t>> user_fence;

    /// Reads `count` entries at `pointer`: 0, or what the kernel answers for the first bad one.
    int parse(uint64_t pointer, uint32_t count);
    /// Waits for all in-fences, except those of submissions to `ring` of this file, which the host
    /// keeps in order (0: none of them). The node would wait too, and let no other thread send
    /// anything meanwhile.
    int wait(const Channel& channel, Session& session, RingIndex ring) const;
    /// Signals all out-syncs and the user fence: the work is done.
    int signal(const Channel& channel, Session& session) const;
};

}  // namespace viaduct::guest::xe
