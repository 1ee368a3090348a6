// Questions to a DRM node that change nothing on it.
#pragma once

#include <optional>

#include "guest-mesa/layer/kernel.h"
#include "wire/capset.h"

namespace viaduct::guest {

/// Whether the virtio-gpu driver made this node (DRM_IOCTL_VERSION).
bool is_virtio_gpu(const Channel& channel);

/// The host's description of its GPU, or nothing if it offers no native contexts.
std::optional<wire::CapsetDrm> find_native_capset(const Channel& channel);

/// Whether the node has timeline syncobjs. virtio-gpu does since Linux 6.6, and EXECBUFFER takes
/// syncobjs since then.
bool has_timeline_syncobjs(const Channel& channel);

/// All of that: the capset of a virtio-gpu node whose host offers a native context of a driver in
/// our table, on a kernel that can carry it. Sends nothing to the host that a context would notice.
std::optional<wire::CapsetDrm> probe_node(const Channel& channel);

}  // namespace viaduct::guest
