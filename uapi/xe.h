// The user interface of the kernel's xe driver, for libdrm versions whose headers lack it (2.4.114
// has none). Layouts and values: Linux 6.16 include/uapi/drm/xe_drm.h; what later kernels added is
// marked. Every struct is zeroed before use: pads, reserved words and `extensions` must be zero.
#pragma once

#include <sys/ioctl.h>

#include <cstddef>
#include <cstdint>

namespace uapi::xe {

// Queries of DEVICE_QUERY, and their answers.
inline constexpr uint32_t kQueryEngines = 0;
inline constexpr uint32_t kQueryMemRegions = 1;
inline constexpr uint32_t kQueryConfig = 2;
inline constexpr uint32_t kQueryGtList = 3;
inline constexpr uint32_t kQueryHwconfig = 4;
inline constexpr uint32_t kQueryGtTopology = 5;
inline constexpr uint32_t kQueryEngineCycles = 6;
inline constexpr uint32_t kQueryUcFwVersion = 7;
inline constexpr uint32_t kQueryOaUnits = 8;
inline constexpr uint32_t kQueryPxpStatus = 9;
inline constexpr uint32_t kQueryEuStall = 10;

inline constexpr uint16_t kClassRender = 0;
inline constexpr uint16_t kClassCopy = 1;
inline constexpr uint16_t kClassVideoDecode = 2;
inline constexpr uint16_t kClassVideoEnhance = 3;
inline constexpr uint16_t kClassCompute = 4;
inline constexpr uint16_t kClassVmBind = 5;  // a queue of bind operations, not an engine

struct EngineInstance {
    uint16_t engine_class;
    uint16_t engine_instance;
    uint16_t gt_id;
    uint16_t pad;
};
static_assert(sizeof(EngineInstance) == 8);

struct Engine {
    EngineInstance instance;
    uint64_t reserved[3];
};
static_assert(sizeof(Engine) == 32);

/// The head of an answer that is an array: engines, regions, GTs, configuration values.
struct QueryCount {
    uint32_t count;
    uint32_t pad;
};
static_assert(sizeof(QueryCount) == 8);

inline constexpr uint16_t kMemClassSystem = 0;
inline constexpr uint16_t kMemClassVram = 1;

struct MemRegion {
    uint16_t mem_class;
    uint16_t instance;  // its bit in GemCreate::placement
    uint32_t min_page_size;
    uint64_t total_size;
    uint64_t used;
    uint64_t cpu_visible_size;  // VRAM only
    uint64_t cpu_visible_used;
    uint64_t reserved[6];
};
static_assert(sizeof(MemRegion) == 88);

// Indices of the configuration's values.
inline constexpr size_t kConfigRevAndDeviceId = 0;  // device id in bits 0..15, revision above
inline constexpr size_t kConfigFlags = 1;
inline constexpr size_t kConfigMinAlignment = 2;
inline constexpr size_t kConfigVaBits = 3;
inline constexpr size_t kConfigMaxPriority = 4;
inline constexpr size_t kConfigValues = 5;
inline constexpr uint64_t kConfigHasVram = 1;
inline constexpr uint64_t kConfigHasLowLatency = 2;  // Linux 6.16
inline constexpr uint64_t kConfigHasCpuMirror = 4;   // Linux 6.16
inline constexpr uint64_t kConfigNoCompression = 8;  // Linux 7.0

struct Gt {
    uint16_t type;  // 0: main, 1: media
    uint16_t tile_id;
    uint16_t gt_id;
    uint16_t pad[3];
    uint32_t reference_clock;  // Hz
    uint64_t near_mem_regions;
    uint64_t far_mem_regions;
    uint16_t ip_ver_major;  // of chips with GMD_ID
    uint16_t ip_ver_minor;
    uint16_t ip_ver_rev;
    uint16_t pad2;
    uint64_t reserved[7];
};
static_assert(sizeof(Gt) == 96);

inline constexpr uint16_t kTopologyDssGeometry = 1;
inline constexpr uint16_t kTopologyDssCompute = 2;
inline constexpr uint16_t kTopologyL3Bank = 3;
inline constexpr uint16_t kTopologyEuPerDss = 4;
inline constexpr uint16_t kTopologySimd16EuPerDss = 5;

/// Followed by `num_bytes` of mask.
struct TopologyMask {
    uint16_t gt_id;
    uint16_t type;
    uint32_t num_bytes;
};
static_assert(sizeof(TopologyMask) == 8);

struct EngineCycles {
    EngineInstance engine;  // in
    int32_t clockid;        // in
    uint32_t width;         // bits of the counter
    uint64_t engine_cycles;
    uint64_t cpu_timestamp;  // ns
    uint64_t cpu_delta;      // ns that reading the counter took
};
static_assert(sizeof(EngineCycles) == 40);

inline constexpr uint16_t kFirmwareGuc = 0;
inline constexpr uint16_t kFirmwareHuc = 1;

struct FirmwareVersion {
    uint16_t uc_type;  // in
    uint16_t pad;
    uint32_t branch_ver;
    uint32_t major_ver;
    uint32_t minor_ver;
    uint32_t patch_ver;
    uint32_t pad2;
    uint64_t reserved;
};
static_assert(sizeof(FirmwareVersion) == 32);

struct DeviceQuery {
    uint64_t extensions;
    uint32_t query;
    uint32_t size;  // 0: asks for it
    uint64_t data;  // pointer
    uint64_t reserved[2];
};
static_assert(sizeof(DeviceQuery) == 40);

inline constexpr uint32_t kGemDeferBacking = 1;
inline constexpr uint32_t kGemScanout = 2;
inline constexpr uint32_t kGemNeedsVisibleVram = 4;
inline constexpr uint32_t kGemNoCompression = 8;  // Linux 7.0
inline constexpr uint16_t kCachingWriteBack = 1;
inline constexpr uint16_t kCachingWriteCombined = 2;

struct GemCreate {
    uint64_t extensions;
    uint64_t size;
    uint32_t placement;  // a bit per region
    uint32_t flags;
    uint32_t vm_id;  // 0: of no VM
    uint32_t handle;
    uint16_t cpu_caching;
    uint16_t pad[3];
    uint64_t reserved[2];
};
static_assert(sizeof(GemCreate) == 56);

struct GemMmapOffset {
    uint64_t extensions;
    uint32_t handle;
    uint32_t flags;
    uint64_t offset;
    uint64_t reserved[2];
};
static_assert(sizeof(GemMmapOffset) == 40);

inline constexpr uint32_t kVmScratchPage = 1;
inline constexpr uint32_t kVmLongRunning = 2;
inline constexpr uint32_t kVmFaultMode = 4;

struct VmCreate {
    uint64_t extensions;
    uint32_t flags;
    uint32_t vm_id;
    uint64_t reserved[2];
};
static_assert(sizeof(VmCreate) == 32);

struct VmDestroy {
    uint32_t vm_id;
    uint32_t pad;
    uint64_t reserved[2];
};
static_assert(sizeof(VmDestroy) == 24);

inline constexpr uint32_t kBindMap = 0;
inline constexpr uint32_t kBindUnmap = 1;
inline constexpr uint32_t kBindMapUserptr = 2;
inline constexpr uint32_t kBindUnmapAll = 3;
inline constexpr uint32_t kBindPrefetch = 4;

inline constexpr uint32_t kBindReadOnly = 1;
inline constexpr uint32_t kBindImmediate = 2;
inline constexpr uint32_t kBindNull = 4;
inline constexpr uint32_t kBindDumpable = 8;
inline constexpr uint32_t kBindCheckPxp = 16;          // Linux 6.15
inline constexpr uint32_t kBindCpuMirror = 32;         // Linux 6.16
inline constexpr uint32_t kBindMadviseAutoreset = 64;  // Linux 6.18

struct BindOp {
    uint64_t extensions;
    uint32_t obj;
    uint16_t pat_index;
    uint16_t pad;
    uint64_t obj_offset;  // of MAP_USERPTR: a pointer
    uint64_t range;
    uint64_t addr;
    uint32_t op;
    uint32_t flags;
    uint32_t prefetch_region;
    uint32_t pad2;
    uint64_t reserved[3];
};
static_assert(sizeof(BindOp) == 80);

struct VmBind {
    uint64_t extensions;
    uint32_t vm_id;
    uint32_t exec_queue_id;  // 0: the VM's own
    uint32_t pad;
    uint32_t num_binds;
    union {
        BindOp bind;               // num_binds == 1
        uint64_t vector_of_binds;  // pointer
    };
    uint32_t pad2;
    uint32_t num_syncs;
    uint64_t syncs;  // pointer
    uint64_t reserved[2];
};
static_assert(sizeof(VmBind) == 136);

inline constexpr uint32_t kExtensionSetProperty = 0;
inline constexpr uint32_t kPropertyPriority = 0;
inline constexpr uint32_t kPropertyTimeslice = 1;  // microseconds
inline constexpr uint32_t kPropertyPxpType = 2;    // Linux 6.15

struct Extension {
    uint64_t next_extension;  // pointer
    uint32_t name;
    uint32_t pad;
};
struct ExtensionSetProperty {
    Extension base;
    uint32_t property;
    uint32_t pad;
    uint64_t value;
    uint64_t reserved[2];
};
static_assert(sizeof(ExtensionSetProperty) == 48);

inline constexpr uint32_t kQueueLowLatency = 1;  // Linux 6.16

inline constexpr uint64_t kPriorityLow = 0;
inline constexpr uint64_t kPriorityNormal = 1;
inline constexpr uint64_t kPriorityHigh = 2;

struct ExecQueueCreate {
    uint64_t extensions;
    uint16_t width;
    uint16_t num_placements;
    uint32_t vm_id;
    uint32_t flags;
    uint32_t exec_queue_id;
    uint64_t instances;  // pointer to width * num_placements of EngineInstance
    uint64_t reserved[2];
};
static_assert(sizeof(ExecQueueCreate) == 48);

struct ExecQueueDestroy {
    uint32_t exec_queue_id;
    uint32_t pad;
    uint64_t reserved[2];
};
static_assert(sizeof(ExecQueueDestroy) == 24);

inline constexpr uint32_t kQueueBan = 0;

struct ExecQueueGetProperty {
    uint64_t extensions;
    uint32_t exec_queue_id;
    uint32_t property;
    uint64_t value;
    uint64_t reserved[2];
};
static_assert(sizeof(ExecQueueGetProperty) == 40);

inline constexpr uint32_t kSyncSyncobj = 0;
inline constexpr uint32_t kSyncTimelineSyncobj = 1;
inline constexpr uint32_t kSyncUserFence = 2;
inline constexpr uint32_t kSyncSignal = 1;  // flag

struct Sync {
    uint64_t extensions;
    uint32_t type;
    uint32_t flags;
    uint64_t handle_or_addr;  // a handle is in the lower half, the upper one is zero
    uint64_t timeline_value;
    uint64_t reserved[2];
};
static_assert(sizeof(Sync) == 48);

struct Exec {
    uint64_t extensions;
    uint32_t exec_queue_id;
    uint32_t num_syncs;
    uint64_t syncs;    // pointer
    uint64_t address;  // of the batch; of several, a pointer to their addresses
    uint16_t num_batch_buffer;
    uint16_t pad[3];
    uint64_t reserved[2];
};
static_assert(sizeof(Exec) == 56);

inline constexpr uint16_t kWaitAbsolute = 1;  // flag

struct WaitUserFence {
    uint64_t extensions;
    uint64_t addr;
    uint16_t op;
    uint16_t flags;
    uint32_t pad;
    uint64_t value;
    uint64_t mask;
    int64_t timeout;  // ns
    uint32_t exec_queue_id;
    uint32_t pad2;
    uint64_t reserved[2];
};
static_assert(sizeof(WaitUserFence) == 72);

// Requests, by DRM_COMMAND_BASE + number.
inline constexpr unsigned kCommandBase = 0x40;
inline constexpr unsigned long kDeviceQuery = _IOWR('d', kCommandBase + 0x0, DeviceQuery);
inline constexpr unsigned long kGemCreate = _IOWR('d', kCommandBase + 0x1, GemCreate);
inline constexpr unsigned long kGemMmapOffset = _IOWR('d', kCommandBase + 0x2, GemMmapOffset);
inline constexpr unsigned long kVmCreate = _IOWR('d', kCommandBase + 0x3, VmCreate);
inline constexpr unsigned long kVmDestroy = _IOW('d', kCommandBase + 0x4, VmDestroy);
inline constexpr unsigned long kVmBind = _IOW('d', kCommandBase + 0x5, VmBind);
inline constexpr unsigned long kExecQueueCreate = _IOWR('d', kCommandBase + 0x6, ExecQueueCreate);
inline constexpr unsigned long kExecQueueDestroy = _IOW('d', kCommandBase + 0x7, ExecQueueDestroy);
inline constexpr unsigned long kExecQueueGetProperty =
    _IOWR('d', kCommandBase + 0x8, ExecQueueGetProperty);
inline constexpr unsigned long kExec = _IOW('d', kCommandBase + 0x9, Exec);
inline constexpr unsigned long kWaitUserFence = _IOWR('d', kCommandBase + 0xa, WaitUserFence);
inline constexpr unsigned kObservationNumber = kCommandBase + 0xb;
inline constexpr unsigned kMadviseNumber = kCommandBase + 0xc;
static_assert(kDeviceQuery == 0xc0286440 && kGemCreate == 0xc0386441 && kVmBind == 0x40886445 &&
              kExecQueueCreate == 0xc0306446 && kExec == 0x40386449 &&
              kWaitUserFence == 0xc048644a);

}  // namespace uapi::xe
