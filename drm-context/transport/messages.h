// The messages between front and worker.
//
// Everything that must keep its order goes through the command ring: a record is a RecordHeader
// and its payload. Descriptors cannot lie in memory; one that belongs to a record is sent over the
// control socket just before the record, with the same cookie. Answers come over the socket.
#pragma once

#include <cstddef>
#include <cstdint>

namespace viaduct::transport {

enum class RecordType : uint32_t {
    kFiller,         // to the end of the ring
    kSubmit,         // the guest's bytes
    kSubmitMemory,   // SubmitMemory + a memfd: a submission too large for the ring
    kControlBuffer,  // DescriptorMessage + its memory
    kCreateBlob,     // CreateBlob; answered, for an opaque object that can be mapped as kMapSource
    kMapSource,      // ResourceCall; answered, for a simulated GPU with the descriptor to map
    kExportBlob,     // ResourceCall; answered, with a dma-buf
    kImageLayout,    // ResourceCall; answered, with a Layout
    kAttach,         // ResourceCall + a dma-buf
    kDetach,         // ResourceCall
    kFence,          // FenceCall
    kExportFence,    // FenceCall; answered, with a sync file
    kInFence,        // FenceCall + a sync file
};

struct RecordHeader {
    RecordType type;
    uint32_t size;  // payload bytes, without padding
};

struct SubmitMemory {
    uint64_t cookie;
    uint64_t size;  // bytes
};

struct CreateBlob {
    uint64_t cookie;
    uint64_t blob_id;
    uint64_t size;  // bytes
    uint32_t res_id;
    uint32_t blob_flags;
};

struct ResourceCall {
    uint64_t cookie;
    uint32_t res_id;
    uint32_t pad;
};

struct FenceCall {
    uint64_t cookie;
    uint64_t count;  // the ring's fences, numbered from 1
    uint32_t ring;
    uint32_t pad;
};

/// The answer to kImageLayout, in Reply::message. Any values.
struct Layout {
    uint64_t modifier;
    uint32_t fourcc;
    uint32_t width;
    uint32_t height;
    uint32_t stride;
};

/// A descriptor for the record with this cookie.
struct DescriptorMessage {
    uint64_t cookie;
};

/// Cookie of the worker's first word: it is ready, or why it is not. And of the first descriptor
/// that the front sends: the worker's open file of a render node.
inline constexpr uint64_t kReadyCookie = 0;
/// Cookie of a sync file that signals once the kernel is done with what the worker leaves behind.
inline constexpr uint64_t kPendingWorkCookie = UINT64_MAX - 1;
/// Cookie of a line for the log.
inline constexpr uint64_t kLogCookie = UINT64_MAX;
/// Cookie of news: an object was made by a command whose answer the guest waits for. Names
/// the object's `blob_id` and has the fields of an answer to kCreateBlob for an opaque one.
inline constexpr uint64_t kAnnouncementCookie = UINT64_MAX - 2;
/// Objects that may be announced and wait for their kCreateBlob.
inline constexpr size_t kMostAnnounced = 32;

/// An answer, or what a worker says unasked.
struct Reply {
    uint64_t cookie;
    uint64_t offset;     // kMapSource; kCreateBlob if has_place
    uint64_t blob_id;    // kAnnouncementCookie, kCreateBlob
    uint64_t size;       // kAnnouncementCookie: bytes of the object
    int32_t error;       // 0 or a positive errno
    uint32_t level;      // LogLevel, of a line for the log
    uint32_t cache;      // MapCache, kCreateBlob
    uint32_t has_place;  // kCreateBlob: the answer is kMapSource's as well
    uint32_t if_opaque;  // kAnnouncementCookie: a kDmabuf of this id will be another object
    uint32_t pad;
    char message[256];  // of the error, or for the log; terminated. kImageLayout: a Layout
};
static_assert(sizeof(Layout) <= sizeof(Reply::message));

}  // namespace viaduct::transport
