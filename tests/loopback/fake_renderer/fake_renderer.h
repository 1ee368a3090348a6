// A small implementation of the renderer's C ABI for tests of the loopback itself.
//
// It offers capability set 6 only. A context's control buffer is blob 0; requests have the common
// header of native contexts. It runs them at once, and retires fences on a thread of its own, in
// order per ring.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace viaduct::loopback::fake {

/// Requests, after a wire::RequestHeader.
enum class Command : uint32_t {
    kEcho = 1,          // the rest of the request comes back as the response
    kCreateObject = 2,  // CreateObject: what the next blob with that id is
    kFill = 3,          // Fill: writes into an attached resource
    kHold = 4,          // Hold: keeps the fences of a ring back, or lets them go
};

enum ObjectFlags : uint32_t {
    kRefuseExport = 1,
    kRefuseMap = 2,
    kRefuseCreate = 4,
};

struct CreateObject {
    uint64_t blob_id;
    uint32_t flags;
    uint32_t pad;
};

struct Fill {
    uint32_t resource_id;
    uint32_t value;
    uint64_t offset;
    uint64_t count;  // words
};

struct Hold {
    uint32_t ring;
    uint32_t hold;
};

/// The calls that the fake got: "create_blob 2", "attach 1 2", ...
using Journal = std::vector<std::string>;

}  // namespace viaduct::loopback::fake

extern "C" {
/// The journal since the last call.
__attribute__((visibility("default"))) void fake_renderer_take_journal(
    viaduct::loopback::fake::Journal* journal);
}
