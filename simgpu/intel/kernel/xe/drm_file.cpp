#include "simgpu/intel/kernel/xe/drm_file.h"

#include <linux/capability.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "simgpu/drm/capable.h"
#include "simgpu/drm/core.h"
#include "simgpu/intel/kernel/xe/kernel.h"
#include "simgpu/intel/kernel/xe/rings.h"
#include "simgpu/sync/drm_uapi.h"

namespace simgpu::intel::xe {

namespace {

using drm::IoctlEntry;
using drm::on;

constexpr uint32_t kMostIds = 1u << 20;  // the kernel's bound is memory

constexpr std::array kIoctls = {
    IoctlEntry{uapi::xe::kDeviceQuery, "XE_DEVICE_QUERY", on<query>},
    IoctlEntry{uapi::xe::kGemCreate, "XE_GEM_CREATE", on<gem::create>},
    IoctlEntry{uapi::xe::kGemMmapOffset, "XE_GEM_MMAP_OFFSET", on<gem::mmap_offset>},
    IoctlEntry{uapi::xe::kVmCreate, "XE_VM_CREATE", on<vm::create>},
    IoctlEntry{uapi::xe::kVmDestroy, "XE_VM_DESTROY", on<vm::destroy>},
    IoctlEntry{uapi::xe::kVmBind, "XE_VM_BIND", on<vm::bind>},
    IoctlEntry{uapi::xe::kExecQueueCreate, "XE_EXEC_QUEUE_CREATE", on<queue::create>},
    IoctlEntry{uapi::xe::kExecQueueDestroy, "XE_EXEC_QUEUE_DESTROY", on<queue::destroy>},
    IoctlEntry{uapi::xe::kExecQueueGetProperty, "XE_EXEC_QUEUE_GET_PROPERTY",
               on<queue::get_property>},
    IoctlEntry{uapi::xe::kExec, "XE_EXEC", on<exec>},
    IoctlEntry{uapi::xe::kWaitUserFence, "XE_WAIT_USER_FENCE", on<wait_user_fence>},
};

constexpr std::array<unsigned long, 4> kInterruptible = {uapi::xe::kGemCreate, uapi::xe::kVmBind,
                                                         uapi::xe::kExec, uapi::xe::kWaitUserFence};

// xe_drv.h, xe_device.c: the version has been the same since the driver's first release.
constexpr drm::Driver kDriver{
    .name = kDriverName,
    .date = "20201103",
    .description = "Intel Xe Graphics",
    .major = 1,
    .minor = [] { return 1; },
    .ioctls = kIoctls,
    .interruptible = kInterruptible,
    .submission = uapi::xe::kExec,
};

struct Cap {
    uint64_t cap;
    uint64_t value;
};
// As on a device with a display (xe_display.c): no page flip without events, WC-less cursors of
// 256.
constexpr uint64_t kCursorPixels = 256;
constexpr std::array kCaps = {
    Cap{DRM_CAP_DUMB_BUFFER, 1},
    Cap{DRM_CAP_VBLANK_HIGH_CRTC, 1},
    Cap{DRM_CAP_DUMB_PREFERRED_DEPTH, 24},
    Cap{DRM_CAP_DUMB_PREFER_SHADOW, 0},
    Cap{DRM_CAP_ASYNC_PAGE_FLIP, 1},
    Cap{DRM_CAP_CURSOR_WIDTH, kCursorPixels},
    Cap{DRM_CAP_CURSOR_HEIGHT, kCursorPixels},
    Cap{DRM_CAP_ADDFB2_MODIFIERS, 1},
    Cap{DRM_CAP_PAGE_FLIP_TARGET, 0},
    Cap{DRM_CAP_CRTC_IN_VBLANK_EVENT, 1},
};

struct ClassNumber {
    EngineClass engine_class;
    uint16_t number;
};
constexpr std::array kClasses = {
    ClassNumber{EngineClass::kRender, uapi::xe::kClassRender},
    ClassNumber{EngineClass::kCopy, uapi::xe::kClassCopy},
    ClassNumber{EngineClass::kVideo, uapi::xe::kClassVideoDecode},
    ClassNumber{EngineClass::kVideoEnhance, uapi::xe::kClassVideoEnhance},
    ClassNumber{EngineClass::kCompute, uapi::xe::kClassCompute},
};

}  // namespace

DrmFile::DrmFile(const ChipInfo& chip, drm::DeviceSeat seat)
    : OpenFile(kDriver, std::move(seat.device), std::move(seat.stand_in)),
      chip_(chip),
      // xe_exec_queue_device_get_max_priority(). Asked now: a jailed process cannot any more.
      max_priority_(drm::capable(CAP_SYS_NICE) ? uapi::xe::kPriorityHigh
                                               : uapi::xe::kPriorityNormal),
      vms_(kMostIds),
      queues_(kMostIds),
      rings_(describe_rings(chip), shared_device()) {}

// xe_file_close(): the queues are killed, then the VMs go.
DrmFile::~DrmFile() {
    binder_->close();
    for (const ExecQueuePtr& queue : queues_.all()) {
        queue->ban();
        stop_jobs(*queue);
    }
    if (uses_user_memory_) rings_.wait_finished(sched::Ring::Clock::time_point::max());
    rings_.close();
}

std::optional<uint64_t> DrmFile::capability(uint64_t cap) const {
    const auto found = std::ranges::find(kCaps, cap, &Cap::cap);
    return found == kCaps.end() ? std::nullopt : std::optional(found->value);
}

int DrmFile::may_map(const Buffer&) const {
    return 0;
}

int DrmFile::may_export(const Buffer& buffer) const {
    return record_of(buffer).vm_serial != 0 ? -EPERM : 0;  // xe_gem_prime_export()
}

void DrmFile::stop_jobs(ExecQueue& queue) {
    if (!queue.binds()) rings_[queue.ring()].kill(queue.entity(0));
}

uint16_t class_number(EngineClass engine_class) {
    return std::ranges::find(kClasses, engine_class, &ClassNumber::engine_class)->number;
}

std::optional<size_t> find_engine(const ChipInfo& chip, const uapi::xe::EngineInstance& engine) {
    if (engine.gt_id != 0) return std::nullopt;
    uint16_t instance = engine.engine_instance;
    for (size_t i = 0; i < chip.engines.size(); ++i)
        if (class_number(chip.engines[i]) == engine.engine_class && instance-- == 0) return i;
    return std::nullopt;
}

}  // namespace simgpu::intel::xe
