#include "simgpu/amd/kernel/drm_file.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "simgpu/amd/kernel/kernel.h"
#include "simgpu/drm/core.h"

namespace simgpu::amdgpu {

namespace {

using drm::IoctlEntry;
using drm::on;

constexpr uint32_t kMaxContexts = 4095;  // Linux: AMDGPU_VM_MAX_NUM_CTX - 1
constexpr uint32_t kMaxLists = 1u << 20;

constexpr std::array kIoctls = {
    IoctlEntry{DRM_IOCTL_AMDGPU_GEM_CREATE, "AMDGPU_GEM_CREATE", on<gem::create>},
    IoctlEntry{DRM_IOCTL_AMDGPU_GEM_MMAP, "AMDGPU_GEM_MMAP", on<gem::mmap>},
    IoctlEntry{DRM_IOCTL_AMDGPU_CTX, "AMDGPU_CTX", on<ctx::context>},
    IoctlEntry{DRM_IOCTL_AMDGPU_BO_LIST, "AMDGPU_BO_LIST", on<gem::bo_list>},
    IoctlEntry{DRM_IOCTL_AMDGPU_CS, "AMDGPU_CS", on<cs::submit>},
    IoctlEntry{DRM_IOCTL_AMDGPU_INFO, "AMDGPU_INFO", on<info>},
    IoctlEntry{DRM_IOCTL_AMDGPU_GEM_METADATA, "AMDGPU_GEM_METADATA", on<gem::metadata>},
    IoctlEntry{DRM_IOCTL_AMDGPU_GEM_WAIT_IDLE, "AMDGPU_GEM_WAIT_IDLE", on<gem::wait_idle>},
    IoctlEntry{DRM_IOCTL_AMDGPU_GEM_VA, "AMDGPU_GEM_VA", on<gem::va>},
    IoctlEntry{DRM_IOCTL_AMDGPU_WAIT_CS, "AMDGPU_WAIT_CS", on<cs::wait>},
    IoctlEntry{DRM_IOCTL_AMDGPU_GEM_OP, "AMDGPU_GEM_OP", on<gem::op>},
    IoctlEntry{DRM_IOCTL_AMDGPU_GEM_USERPTR, "AMDGPU_GEM_USERPTR", on<gem::userptr>},
    IoctlEntry{DRM_IOCTL_AMDGPU_WAIT_FENCES, "AMDGPU_WAIT_FENCES", on<cs::wait_fences>},
    IoctlEntry{DRM_IOCTL_AMDGPU_VM, "AMDGPU_VM", on<ctx::vm>},
    IoctlEntry{DRM_IOCTL_AMDGPU_FENCE_TO_HANDLE, "AMDGPU_FENCE_TO_HANDLE", on<cs::fence_to_handle>},
    // amdgpu_drv.c: for the DRM master only, and a render node never is.
    IoctlEntry{DRM_IOCTL_AMDGPU_SCHED, "AMDGPU_SCHED", drm::refuse_without_master},
};

constexpr std::array<unsigned long, 9> kInterruptible = {
    DRM_IOCTL_AMDGPU_GEM_CREATE,    DRM_IOCTL_AMDGPU_CS,          DRM_IOCTL_AMDGPU_GEM_METADATA,
    DRM_IOCTL_AMDGPU_GEM_WAIT_IDLE, DRM_IOCTL_AMDGPU_GEM_VA,      DRM_IOCTL_AMDGPU_WAIT_CS,
    DRM_IOCTL_AMDGPU_GEM_OP,        DRM_IOCTL_AMDGPU_WAIT_FENCES, DRM_IOCTL_AMDGPU_GEM_USERPTR,
};

constexpr drm::Driver kDriver{
    .name = kDriverName,
    .date = "20150101",
    .description = "AMD GPU",
    .major = 3,
    .minor = kms_minor,
    .ioctls = kIoctls,
    .interruptible = kInterruptible,
    .submission = DRM_IOCTL_AMDGPU_CS,
};

struct Cap {
    uint64_t cap;
    uint64_t value;
};
// amdgpu is a DRIVER_MODESET driver, so its render nodes answer the display's caps too (Linux:
// drm_ioctl.c drm_getcap(), amdgpu_dm.c amdgpu_dm_mode_config_init()). No plane of it takes
// page_flip_target with DC, and DCN 2.1's and DCE 12's cursors are 256 and 128 wide.
constexpr uint64_t kAtomicAsyncPageFlip = 0x15;  // DRM_CAP_ATOMIC_ASYNC_PAGE_FLIP, Linux 6.8
constexpr uint64_t kPreferredDepth = 24;
constexpr std::array kCaps = {
    Cap{DRM_CAP_DUMB_BUFFER, 1},
    Cap{DRM_CAP_VBLANK_HIGH_CRTC, 1},
    Cap{DRM_CAP_DUMB_PREFERRED_DEPTH, kPreferredDepth},
    Cap{DRM_CAP_DUMB_PREFER_SHADOW, 1},
    Cap{DRM_CAP_ASYNC_PAGE_FLIP, 1},
    Cap{DRM_CAP_ADDFB2_MODIFIERS, 1},
    Cap{DRM_CAP_PAGE_FLIP_TARGET, 0},
    Cap{DRM_CAP_CRTC_IN_VBLANK_EVENT, 1},
    Cap{kAtomicAsyncPageFlip, 1},
};

}  // namespace

DrmFile::DrmFile(const ModelInfo& model, drm::DeviceSeat seat)
    : OpenFile(kDriver, std::move(seat.device), std::move(seat.stand_in)),
      model_(model),
      contexts_(kMaxContexts),
      buffer_lists_(kMaxLists),
      rings_(describe_rings(model), shared_device()) {}

std::optional<uint64_t> DrmFile::capability(uint64_t cap) const {
    if (cap == DRM_CAP_CURSOR_WIDTH || cap == DRM_CAP_CURSOR_HEIGHT) return model_.cursor_size;
    const auto found = std::ranges::find(kCaps, cap, &Cap::cap);
    return found == kCaps.end() ? std::nullopt : std::optional(found->value);
}

int DrmFile::may_map(const Buffer& buffer) const {
    const bool hidden = record_of(buffer).create_flags & AMDGPU_GEM_CREATE_NO_CPU_ACCESS;
    return buffer.is_user_memory() || hidden ? -EPERM : 0;
}

int DrmFile::may_export(const Buffer& buffer) const {
    // amdgpu_gem_prime_export().
    const bool own = record_of(buffer).create_flags & AMDGPU_GEM_CREATE_VM_ALWAYS_VALID;
    return buffer.is_user_memory() || own ? -EPERM : 0;
}

Buffer::Record DrmFile::foreign_record() const {
    return amdgpu::foreign_record();
}

void DrmFile::handle_closed(const BufferPtr& buffer) {
    // amdgpu_gem_object_close(): the last handle takes the file's mappings along.
    const ReservationLock lock({own_reservation_.get(), &buffer->reservation()});
    address_space_.remove_buffer(buffer);
}

}  // namespace simgpu::amdgpu
