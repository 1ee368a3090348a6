// The layout of a recording: what a VM has asked of its native contexts, in order. docs/record.md
// describes each record. Little-endian, without gaps between records.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace viaduct::recording {

inline constexpr std::array<char, 8> kMagic = {'V', 'I', 'A', 'D', 'U', 'C', 'T', '\n'};
/// Raised when a reader of the version before would take a recording for something else.
inline constexpr uint32_t kVersion = 1;

/// FileHeader::flags: the bytes of buffers were left out.
inline constexpr uint32_t kWithoutContents = 1;

struct FileHeader {
    std::array<char, 8> magic = kMagic;
    uint32_t version = kVersion;
    uint32_t flags = 0;
};
static_assert(sizeof(FileHeader) == 16);

enum class RecordType : uint32_t {
    kHost = 1,
    kContext,
    kContextEnd,
    kBlob,
    kUnref,
    kAttach,
    kDetach,
    kMap,
    kMemory,
    kSubmit,
    kFence,
    kRetired,
    kAnswer,
    kRefused,
    kReset,
    kEnd,
};

/// Precedes each record; `bytes` counts what follows it.
struct RecordHeader {
    RecordType type;
    uint32_t bytes;
};
static_assert(sizeof(RecordHeader) == 8);

/// Most bytes of a record: a submission of the largest size that contexts take, and its head.
inline constexpr uint32_t kMostRecordBytes = (16 << 20) + 4096;

// The fixed part of each record; a comment names the bytes that follow it, if any do.

/// The GPU's name, then its capability set.
struct Host {
    static constexpr RecordType kType = RecordType::kHost;
    uint32_t name_bytes;
    uint32_t capset_bytes;
};
/// The name of the guest's program.
struct ContextCreated {
    static constexpr RecordType kType = RecordType::kContext;
    uint32_t ctx_id;
};
struct ContextDestroyed {
    static constexpr RecordType kType = RecordType::kContextEnd;
    uint32_t ctx_id;
};
struct BlobCreated {
    static constexpr RecordType kType = RecordType::kBlob;
    uint32_t ctx_id;
    uint32_t res_id;
    uint32_t blob_mem;    // VIRGL_RENDERER_BLOB_MEM_*
    uint32_t blob_flags;  // VIRGL_RENDERER_BLOB_FLAG_*
    uint64_t blob_id;
    uint64_t size;
};
static_assert(sizeof(BlobCreated) == 32);
struct Unreferenced {
    static constexpr RecordType kType = RecordType::kUnref;
    uint32_t res_id;
};
struct Attached {
    static constexpr RecordType kType = RecordType::kAttach;
    uint32_t ctx_id;
    uint32_t res_id;
};
struct Detached {
    static constexpr RecordType kType = RecordType::kDetach;
    uint32_t ctx_id;
    uint32_t res_id;
};
/// From here on the guest's processor may reach the resource's bytes.
struct Mapped {
    static constexpr RecordType kType = RecordType::kMap;
    uint32_t res_id;
};

/// When changed bytes of a buffer were found.
enum class Found : uint32_t {
    kBeforeSubmission = 0,  // the guest's processor has written them
    kAfterFence = 1,        // the GPU has, or the processor meanwhile
    kWhenMapped = 2,        // the GPU has: nobody else could
};
/// The bytes.
struct Memory {
    static constexpr RecordType kType = RecordType::kMemory;
    uint32_t res_id;
    Found found;
    uint64_t offset;
};
static_assert(sizeof(Memory) == 16);
/// The ids of fences that it waits for, of 64 bits each, then the commands.
struct Submitted {
    static constexpr RecordType kType = RecordType::kSubmit;
    uint32_t ctx_id;
    uint32_t in_fences;
};
struct FenceCreated {
    static constexpr RecordType kType = RecordType::kFence;
    uint32_t ctx_id;
    uint32_t ring_idx;
    uint64_t fence_id;
};
struct FenceRetired {
    static constexpr RecordType kType = RecordType::kRetired;
    uint32_t ctx_id;
    uint32_t ring_idx;
    uint64_t fence_id;
};
static_assert(sizeof(FenceRetired) == 16);
/// The response to a command, as it stood in the control buffer.
struct Answer {
    static constexpr RecordType kType = RecordType::kAnswer;
    uint32_t ctx_id;
    uint32_t res_id;  // the control buffer
    uint32_t seqno;
    uint32_t command;
    uint32_t offset;
};
static_assert(sizeof(Answer) == 20);
/// The last call of that kind, of that context (kBlob: for that resource), returned an error.
struct Refused {
    static constexpr RecordType kType = RecordType::kRefused;
    RecordType call;
    uint32_t id;
    int32_t error;
};
struct Reset {
    static constexpr RecordType kType = RecordType::kReset;
};
enum class EndReason : uint32_t {
    kFinished = 0,  // the monitor has cleaned up
    kTooLarge = 1,  // the next record would have exceeded the limit
};
struct End {
    static constexpr RecordType kType = RecordType::kEnd;
    EndReason reason;
};

}  // namespace viaduct::recording
