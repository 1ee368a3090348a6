// The messages between the front and the zygote: over one socket, fixed-size messages of plain
// bytes, both ends of the same build (checked by the hello).
#pragma once

#include <cstdint>
#include <type_traits>

#include "drm-context/worker/worker_host.h"

namespace viaduct::zygote {

/// Changes whenever one of these structures, or anything else that both sides share, does.
inline constexpr uint32_t kVersion = 3;

enum class RequestType : uint32_t { kHello, kStart, kKill };

/// Descriptors of a kStart, in this order; those absent are left out.
enum Descriptor : uint32_t {
    kMemory,
    kSocket,
    kDoorbell,
    kNotify,
    kAccount,
    kAccountView,
    kDescriptors,
};

/// The first message, from the front; answered by a HelloReply.
struct Hello {
    uint32_t version = kVersion;
    uint32_t build = 0;      // size of a Request: a cheap sign of another build
    uint32_t simulated = 0;  // workers will open a simulated GPU, hence /dev/shm
    /// "NAME=value", each terminated, then an empty one: all that workers find in their
    /// environment.
    char environment[4096] = {};
};

struct HelloReply {
    uint32_t version = kVersion;
    int32_t error = 0;        // a positive errno: there will be no workers
    char message[1024] = {};  // of the error; else what the host refuses. Terminated
};

struct Request {
    RequestType type = RequestType::kStart;
    uint32_t descriptors = 0;  // bit per Descriptor that came along
    uint64_t worker = 0;       // the front's name for it
    WorkerSettings settings;   // kStart
    char simulated[32] = {};   // kStart: the model
};
static_assert(std::is_trivially_copyable_v<Request>);

}  // namespace viaduct::zygote
