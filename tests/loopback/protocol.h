// The messages between the preload client (the guest's kernel, as a process sees it) and the server
// (the virtio queue and the machine monitor behind it).
//
// One connection per open file of the node: a queue in shared memory (RequestQueue) for what the
// client asks, a SEQPACKET socket for the replies, and for requests that no slot of the queue
// holds, and another one for the fences that the server signals. The server sleeps when all queues
// are empty: whoever fills a slot then rings its doorbell, as a virtqueue is kicked.
//
// A packet is a MessageHeader, a fixed body of the message's type, and a payload of any length;
// descriptors travel as ancillary data. Payloads beyond kMaxInlinePayload travel in a memfd.
// Guests' commands ask for no reply, as on the queue: what the host made of them shows later, or
// never.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace viaduct::loopback {

inline constexpr uint32_t kProtocolVersion = 3;
inline constexpr size_t kMaxInlinePayload = 32 * 1024;
inline constexpr size_t kMaxPayload = 256u << 20;
inline constexpr size_t kMaxBody = 256;
inline constexpr size_t kMaxDescriptors = 4;
/// virtgpu_drm.h: at most 64 rings per context.
inline constexpr uint32_t kMaxRings = 64;
/// Ring number of fences on the device's one timeline (EXECBUFFER without RING_IDX).
inline constexpr uint32_t kGlobalRing = 0xffffffff;
/// virtio-gpu, CTX_CREATE: room for the debug name.
inline constexpr size_t kDebugNameSize = 64;

/// Where a client finds its server.
inline constexpr const char* kSocketVariable = "VIADUCT_LOOPBACK_SOCKET";
inline constexpr char kSocketSeparator = ',';

enum class MessageType : uint32_t {
    kReply,
    kFenceSignalled,  // server to client, on the fences' socket: FenceSignalled
    kHello,           // the first, on the socket
    kGetCapset,
    kCreateContext,
    kCreateBlob,
    kSubmit,
    kMapBlob,
    kExportBlob,
    kImportBlob,
    kCloseResource,
    kWaitResource,
    kCreateClassic,
    kTransfer,
};

struct MessageHeader {
    MessageType type;
    uint32_t request_id;  // echoed by the reply; 0: none is wanted
    int32_t status;       // of a reply: 0 or a negative errno
    uint32_t body_size;
    uint64_t payload_size;
    uint32_t payload_in_fd;  // 1: the payload is the content of the last descriptor
    uint32_t pad;
};
static_assert(sizeof(MessageHeader) == 32);

/// Memory that the server and all clients share: what the guest kernel hands out without asking
/// its device, and whether the device is to be kicked.
struct SharedState {
    /// virtio-gpu's resource ids: from 2, never reused (id 1 is the console's).
    uint32_t next_resource_id;
    /// Magic numbers of the primary node's files (GET_MAGIC): from 1.
    uint32_t next_magic;
    /// Of the next request, whichever client's: there is one virtqueue.
    uint32_t next_ticket;
    /// 1: the server may be asleep.
    uint32_t server_sleeps;
};

/// Descriptor 0: the queue's memory.
struct Hello {
    uint32_t version;
    uint32_t pid;
};

struct CapsetInfo {
    uint32_t id;
    uint32_t max_version;
    uint32_t max_size;
};

/// The device as the guest kernel probed it. Descriptor 0: a memfd with SharedState; 1: the
/// doorbell, an eventfd; 2: the client's end of the fences' socket.
struct HelloReply {
    uint32_t version;
    uint32_t capset_count;
    uint32_t window_may_fill;  // 1: wait for kCreateBlob's reply, ENOSPC if there is no room
    std::array<CapsetInfo, 8> capsets;
    uint32_t blob_alignment;  // bytes; 0: the device has not the feature
};

struct GetCapset {
    uint32_t id;
    uint32_t version;
};

struct CreateContext {
    uint32_t capset_id;
    uint32_t name_length;
    std::array<char, kDebugNameSize> name;
};

/// Payload: the command to submit first. Descriptor 0, for guest storage: the pages.
struct CreateBlob {
    uint32_t resource_id;
    uint32_t blob_mem;
    uint32_t blob_flags;
    uint32_t defer_mapping;
    uint64_t size;  // whole pages
    uint64_t blob_id;
};

/// Payload: resource_count u32 resource ids (their implicit fences), then the command.
struct Submit {
    uint32_t ring;  // kGlobalRing: the device's timeline
    uint32_t resource_count;
    uint64_t fence_token;  // 0: unfenced; else rises with each message of the connection
};

/// Signals every fence of `ring` whose token is not above `fence_token`.
struct FenceSignalled {
    uint32_t ring;
    uint32_t pad;
    uint64_t fence_token;
};

/// kMapBlob, kExportBlob, kCloseResource, kWaitResource.
struct ResourceRequest {
    uint32_t resource_id;
    uint32_t no_wait;  // kWaitResource: answer -EBUSY at once
};

/// Reply to kMapBlob and kExportBlob. Descriptor 0: the blob; map it at `offset`.
struct BlobDescriptor {
    uint32_t map_info;  // VIRGL_RENDERER_MAP_CACHE_*
    uint32_t pad;
    uint64_t offset;
    uint64_t size;
};

/// The object behind a dma-buf descriptor, as fstat tells it.
struct ImportBlob {
    uint64_t device;
    uint64_t inode;
};

struct ImportReply {
    uint32_t resource_id;
    uint32_t blob_mem;
    uint32_t blob_flags;
    uint32_t pad;
    uint64_t size;
};

/// The eleven words of virgl_renderer_resource_create_args. Descriptor 0: the backing pages.
struct CreateClassic {
    std::array<uint32_t, 11> arguments;  // [0]: the resource id
    uint32_t pad;
    uint64_t size;  // whole pages
};

struct Transfer {
    uint32_t resource_id;
    uint32_t to_host;
    std::array<uint32_t, 6> box;
    uint32_t level;
    uint32_t stride;
    uint32_t layer_stride;
    uint32_t pad;
    uint64_t offset;
    uint64_t fence_token;
};

}  // namespace viaduct::loopback
