// Wire format of the commands (ccmds) of all native contexts: control buffer, request and response
// headers. Layouts only, no logic; little-endian; both sides include this file.
// Offsets: virtio-gpu DRM native-context protocol, as in Mesa's src/virtio/vdrm.
#pragma once

#include <cstddef>
#include <cstdint>

namespace viaduct::wire {

/// Head of the control buffer ("shmem", blob_id 0). Driver fields follow; the response area starts
/// at rsp_mem_offset.
struct ShmemHeader {
    uint32_t seqno;
    uint32_t rsp_mem_offset;
};
static_assert(sizeof(ShmemHeader) == 8);

struct RequestHeader {
    uint32_t cmd;
    uint32_t len;  // bytes, this header included
    uint32_t seqno;
    uint32_t rsp_off;  // into the response area
};
static_assert(sizeof(RequestHeader) == 16);

/// Every response begins with its length, preset by the guest to the room it reserved.
struct ResponseHeader {
    uint32_t len;
};
static_assert(sizeof(ResponseHeader) == 4);

/// Answers a command that makes a buffer if its rsp_off is not 0: Viaduct's own addition, for all
/// drivers. A host without it leaves `len` as it was preset: preset it to more than this.
struct CreationResponse {
    ResponseHeader hdr;
    int32_t ret;  // 0 or a negative errno
};
static_assert(sizeof(CreationResponse) == 8);

}  // namespace viaduct::wire
