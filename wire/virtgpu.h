// The virtio-gpu node's ioctls, as the guest's kernel offers them to its programs
// (Linux 6.12 include/uapi/drm/virtgpu_drm.h; libdrm 2.4.114 is too old to have them all). Layouts
// only, no logic; shared by those who speak this interface (the guest layer) and by who plays it
// (the loopback).
#pragma once

#include <cstddef>
#include <cstdint>

namespace viaduct::wire::virtgpu {

inline constexpr char kDriverName[] = "virtio_gpu";

/// Ioctl numbers behind DRM_COMMAND_BASE (0x40).
enum class Ioctl : uint32_t {
    kMap = 0x01,
    kExecbuffer = 0x02,
    kGetParam = 0x03,
    kResourceCreate = 0x04,
    kResourceInfo = 0x05,
    kTransferFromHost = 0x06,
    kTransferToHost = 0x07,
    kWait = 0x08,
    kGetCaps = 0x09,
    kResourceCreateBlob = 0x0a,
    kContextInit = 0x0b,
};

/// The whole request word of a read/write ioctl with argument T (DRM base 'd').
template <typename T>
constexpr unsigned long request(Ioctl ioctl) {
    constexpr unsigned long kReadWrite = 3ul << 30;
    return kReadWrite | sizeof(T) << 16 | 'd' << 8 | (0x40ul + static_cast<uint32_t>(ioctl));
}

enum class Param : uint64_t {
    k3dFeatures = 1,
    kCapsetQueryFix = 2,
    kResourceBlob = 3,
    kHostVisible = 4,
    kCrossDevice = 5,
    kContextInit = 6,
    kSupportedCapsetIds = 7,
    kExplicitDebugName = 8,
    kBlobAlignment = 9,  // Linux 7.2: bytes
};

struct Map {
    uint64_t offset;  // out: for mmap
    uint32_t handle;
    uint32_t pad;
};
static_assert(sizeof(Map) == 16);

inline constexpr uint32_t kExecbufFenceFdIn = 1;
inline constexpr uint32_t kExecbufFenceFdOut = 2;
inline constexpr uint32_t kExecbufRingIdx = 4;

inline constexpr uint32_t kSyncobjReset = 1;

struct ExecbufferSyncobj {
    uint32_t handle;
    uint32_t flags;
    uint64_t point;  // 0: binary
};
static_assert(sizeof(ExecbufferSyncobj) == 16);

struct Execbuffer {
    uint32_t flags;
    uint32_t size;  // bytes
    uint64_t command;
    uint64_t bo_handles;
    uint32_t num_bo_handles;
    int32_t fence_fd;  // in and out
    uint32_t ring_idx;
    uint32_t syncobj_stride;  // bytes per entry of the two arrays
    uint32_t num_in_syncobjs;
    uint32_t num_out_syncobjs;
    uint64_t in_syncobjs;
    uint64_t out_syncobjs;
};
static_assert(sizeof(Execbuffer) == 64);

struct GetParam {
    uint64_t param;
    uint64_t value;  // pointer to 32 bits
};
static_assert(sizeof(GetParam) == 16);

struct ResourceCreate {
    uint32_t target;
    uint32_t format;
    uint32_t bind;
    uint32_t width;
    uint32_t height;
    uint32_t depth;
    uint32_t array_size;
    uint32_t last_level;
    uint32_t nr_samples;
    uint32_t flags;
    uint32_t bo_handle;   // out
    uint32_t res_handle;  // out
    uint32_t size;        // bytes
    uint32_t stride;
};
static_assert(sizeof(ResourceCreate) == 56);

struct ResourceInfo {
    uint32_t bo_handle;
    uint32_t res_handle;  // out, as all below
    uint32_t size;        // low 32 bits of the byte count
    uint32_t blob_mem;
};
static_assert(sizeof(ResourceInfo) == 16);

struct TransferBox {
    uint32_t x, y, z;
    uint32_t w, h, d;
};

/// Both directions.
struct Transfer {
    uint32_t bo_handle;
    TransferBox box;
    uint32_t level;
    uint32_t offset;
    uint32_t stride;
    uint32_t layer_stride;
};
static_assert(sizeof(Transfer) == 44);

inline constexpr uint32_t kWaitNoWait = 1;

struct Wait {
    uint32_t handle;
    uint32_t flags;
};
static_assert(sizeof(Wait) == 8);

struct GetCaps {
    uint32_t cap_set_id;
    uint32_t cap_set_ver;
    uint64_t addr;
    uint32_t size;
    uint32_t pad;
};
static_assert(sizeof(GetCaps) == 24);

enum class BlobMem : uint32_t { kGuest = 1, kHost3d = 2, kHost3dGuest = 3 };

inline constexpr uint32_t kBlobMappable = 1;
inline constexpr uint32_t kBlobShareable = 2;
inline constexpr uint32_t kBlobCrossDevice = 4;
/// Proposed extension (virtio-gpu feature CREATE_GUEST_HANDLE): guest memory as a dma-buf.
inline constexpr uint32_t kBlobCreateGuestHandle = 8;

/// Proposed extension: leave the mapping to the first mmap.
inline constexpr uint32_t kBlobHintDeferMapping = 1;

struct ResourceCreateBlob {
    BlobMem blob_mem;
    uint32_t blob_flags;
    uint32_t bo_handle;   // out
    uint32_t res_handle;  // out
    uint64_t size;        // bytes
    uint32_t pad;
    uint32_t cmd_size;  // bytes
    uint64_t cmd;
    uint64_t blob_id;
};
static_assert(sizeof(ResourceCreateBlob) == 48);

/// With the proposed hints.
struct ResourceCreateBlobHints {
    ResourceCreateBlob base;
    uint32_t blob_hints;
    uint32_t pad;
};
static_assert(sizeof(ResourceCreateBlobHints) == 56);

enum class ContextParam : uint64_t {
    kCapsetId = 1,
    kNumRings = 2,
    kPollRingsMask = 3,
    kDebugName = 4,
};

struct ContextSetParam {
    uint64_t param;
    uint64_t value;
};
static_assert(sizeof(ContextSetParam) == 16);

struct ContextInit {
    uint32_t num_params;
    uint32_t pad;
    uint64_t ctx_set_params;  // pointer to ContextSetParam[num_params]
};
static_assert(sizeof(ContextInit) == 16);

inline constexpr uint32_t kEventFenceSignalled = 0x90000000;

static_assert(request<Map>(Ioctl::kMap) == 0xc0106441);
static_assert(request<Execbuffer>(Ioctl::kExecbuffer) == 0xc0406442);
static_assert(request<ResourceCreate>(Ioctl::kResourceCreate) == 0xc0386444);
static_assert(request<Transfer>(Ioctl::kTransferToHost) == 0xc02c6447);
static_assert(request<Wait>(Ioctl::kWait) == 0xc0086448);
static_assert(request<GetCaps>(Ioctl::kGetCaps) == 0xc0186449);
static_assert(request<ResourceCreateBlob>(Ioctl::kResourceCreateBlob) == 0xc030644a);
static_assert(request<ContextInit>(Ioctl::kContextInit) == 0xc010644b);

}  // namespace viaduct::wire::virtgpu
