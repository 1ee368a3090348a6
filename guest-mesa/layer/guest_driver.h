// GuestDriver: one kernel driver's interface, played over a native context.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/brief_wait.h"
#include "base/mutex.h"
#include "base/result.h"
#include "guest-mesa/layer/command_stream.h"
#include "guest-mesa/layer/fence_origins.h"
#include "guest-mesa/layer/gem_table.h"
#include "guest-mesa/layer/kernel.h"
#include "wire/capset.h"

namespace viaduct::guest {

/// The driver-independent state of an open file with a native context.
struct Session {
    explicit Session(const wire::CapsetDrm& host) : capset(host) {}

    const wire::CapsetDrm capset;
    std::unique_ptr<CommandStream> stream;
    GemTable gems;
    FenceOrigins fences;
    BriefWait brief_wait;  // of the GPU
    /// Whether anybody may wait for this file's fences elsewhere: a buffer or a syncobj left it, or
    /// a descriptor tells of a fence.
    std::atomic<bool> is_shared = false;
    std::atomic<int> node_waits = 0;  // threads that wait for fences in the node
    /// Held while the node is given a syncobj's fence or loses it, and while it is decided whether
    /// it gets one: the order of both is the same here and there.
    Mutex fence_order;

    /// From now on fences are needed in time.
    void share() {
        is_shared = true;
        stream->look_for_nothing();
    }
};

/// Answers the ioctls of one open file. Thread-safe. Results are those of the kernel: ≥ 0 or a
/// negative errno.
class GuestDriver {
  public:
    virtual ~GuestDriver() = default;

    /// An ioctl of the driver's own range (DRM_COMMAND_BASE … DRM_COMMAND_END).
    virtual int ioctl(const Channel& channel, unsigned long request, void* argument) = 0;
    /// Before a buffer leaves through PRIME: 0, or the errno with which it may not.
    virtual int prepare_export(const Channel& channel, GemHandle handle) = 0;
    /// After GEM_CLOSE is asked for, before the node closes the handle.
    virtual void forget_buffer(const Channel& channel, GemHandle handle) = 0;
};

/// How the device would look on its own bus.
struct PciIdentity {
    uint16_t vendor;
    uint16_t device;
    uint8_t revision;
};

/// A driver that the layer can play. A new one is a folder and a row in driver_table().
struct DriverRow {
    wire::ContextType type;
    /// The three strings that DRM_IOCTL_VERSION returns.
    const char* name;
    const char* date;
    const char* description;
    PciIdentity (*identity)(const wire::CapsetDrm& capset);
    /// DRM_IOCTL_GET_CAP where the host's driver answers otherwise than virtio-gpu; else nothing.
    std::optional<uint64_t> (*capability)(const wire::CapsetDrm& capset, uint64_t capability);
    Result<std::unique_ptr<GuestDriver>> (*create)(const Channel& channel, Session& session);
};

std::span<const DriverRow> driver_table();
/// Null if the layer plays no such driver.
const DriverRow* find_driver(wire::ContextType type);

}  // namespace viaduct::guest
