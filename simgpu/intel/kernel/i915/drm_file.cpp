#include "simgpu/intel/kernel/i915/drm_file.h"

#include <fmt/format.h>
#include <linux/capability.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "simgpu/drm/capable.h"
#include "simgpu/drm/core.h"
#include "simgpu/intel/kernel/rings.h"
#include "simgpu/log.h"

namespace simgpu::intel::i915 {

namespace {

using drm::IoctlEntry;
using drm::on;

constexpr uint32_t kMaxVms = 65536;

/// In the kernel, but not in the simulation: refused, with a line in the log.
template <size_t kIndex>
int not_simulated(drm::OpenFile& file, void*) {
    static constexpr std::array kNames = {"GEM_MMAP", "PERF_OPEN", "PERF_ADD_CONFIG",
                                          "PERF_REMOVE_CONFIG"};
    log("client {} ({}): I915_{} is not simulated", file.client_id(), file.client_name(),
        kNames[kIndex]);
    return kIndex == 0 ? -ENODEV : -EOPNOTSUPP;  // i915_perf.c: without OA unit
}

/// i915_gem_throttle_ioctl(): nothing here is 20 ms behind.
int throttle(DrmFile&, void*) {
    return 0;
}

constexpr std::array kIoctls = {
    IoctlEntry{DRM_IOCTL_I915_GETPARAM, "I915_GETPARAM", on<get_param>},
    IoctlEntry{DRM_IOCTL_I915_GEM_BUSY, "I915_GEM_BUSY", on<gem::busy>},
    IoctlEntry{DRM_IOCTL_I915_GEM_SET_CACHING, "I915_GEM_SET_CACHING", on<gem::set_caching>},
    IoctlEntry{DRM_IOCTL_I915_GEM_GET_CACHING, "I915_GEM_GET_CACHING", on<gem::get_caching>},
    IoctlEntry{DRM_IOCTL_I915_GEM_THROTTLE, "I915_GEM_THROTTLE", on<throttle>},
    IoctlEntry{DRM_IOCTL_I915_GEM_CREATE, "I915_GEM_CREATE", on<gem::create>},
    IoctlEntry{DRM_IOCTL_I915_GEM_CREATE_EXT, "I915_GEM_CREATE_EXT", on<gem::create_ext>},
    IoctlEntry{DRM_IOCTL_I915_GEM_PREAD, "I915_GEM_PREAD", on<gem::pread>},
    IoctlEntry{DRM_IOCTL_I915_GEM_PWRITE, "I915_GEM_PWRITE", on<gem::pwrite>},
    IoctlEntry{DRM_IOCTL_I915_GEM_MMAP, "I915_GEM_MMAP", not_simulated<0>},
    IoctlEntry{DRM_IOCTL_I915_GEM_MMAP_OFFSET, "I915_GEM_MMAP_OFFSET", on<gem::mmap_offset>},
    IoctlEntry{DRM_IOCTL_I915_GEM_SET_DOMAIN, "I915_GEM_SET_DOMAIN", on<gem::set_domain>},
    IoctlEntry{DRM_IOCTL_I915_GEM_SW_FINISH, "I915_GEM_SW_FINISH", on<gem::sw_finish>},
    IoctlEntry{DRM_IOCTL_I915_GEM_SET_TILING, "I915_GEM_SET_TILING", on<gem::set_tiling>},
    IoctlEntry{DRM_IOCTL_I915_GEM_GET_TILING, "I915_GEM_GET_TILING", on<gem::get_tiling>},
    IoctlEntry{DRM_IOCTL_I915_GEM_GET_APERTURE, "I915_GEM_GET_APERTURE", on<gem::get_aperture>},
    IoctlEntry{DRM_IOCTL_I915_GEM_MADVISE, "I915_GEM_MADVISE", on<gem::madvise>},
    IoctlEntry{DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, "I915_GEM_EXECBUFFER2", on<execbuffer2>},
    IoctlEntry{DRM_IOCTL_I915_GEM_WAIT, "I915_GEM_WAIT", on<gem::wait>},
    IoctlEntry{DRM_IOCTL_I915_GEM_CONTEXT_CREATE_EXT, "I915_GEM_CONTEXT_CREATE", on<ctx::create>},
    IoctlEntry{DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, "I915_GEM_CONTEXT_DESTROY", on<ctx::destroy>},
    IoctlEntry{DRM_IOCTL_I915_GEM_CONTEXT_GETPARAM, "I915_GEM_CONTEXT_GETPARAM",
               on<ctx::get_param>},
    IoctlEntry{DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM, "I915_GEM_CONTEXT_SETPARAM",
               on<ctx::set_param>},
    IoctlEntry{DRM_IOCTL_I915_REG_READ, "I915_REG_READ", on<reg_read>},
    IoctlEntry{DRM_IOCTL_I915_GET_RESET_STATS, "I915_GET_RESET_STATS", on<ctx::reset_stats>},
    IoctlEntry{DRM_IOCTL_I915_GEM_USERPTR, "I915_GEM_USERPTR", on<gem::userptr>},
    IoctlEntry{DRM_IOCTL_I915_PERF_OPEN, "I915_PERF_OPEN", not_simulated<1>},
    IoctlEntry{DRM_IOCTL_I915_PERF_ADD_CONFIG, "I915_PERF_ADD_CONFIG", not_simulated<2>},
    IoctlEntry{DRM_IOCTL_I915_PERF_REMOVE_CONFIG, "I915_PERF_REMOVE_CONFIG", not_simulated<3>},
    IoctlEntry{DRM_IOCTL_I915_QUERY, "I915_QUERY", on<query>},
    IoctlEntry{DRM_IOCTL_I915_GEM_VM_CREATE, "I915_GEM_VM_CREATE", on<ctx::vm_create>},
    IoctlEntry{DRM_IOCTL_I915_GEM_VM_DESTROY, "I915_GEM_VM_DESTROY", on<ctx::vm_destroy>},
};

constexpr std::array<unsigned long, 6> kInterruptible = {
    DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, DRM_IOCTL_I915_GEM_SET_DOMAIN, DRM_IOCTL_I915_GEM_WAIT,
    DRM_IOCTL_I915_GEM_MMAP_OFFSET,    DRM_IOCTL_I915_GEM_PREAD,      DRM_IOCTL_I915_GEM_PWRITE,
};

constexpr drm::Driver kDriver{
    .name = kDriverName,
    .date = "20230929",  // Linux 6.12: DRIVER_DATE
    .description = "Intel Graphics",
    .major = 1,
    .minor = [] { return 6; },
    .ioctls = kIoctls,
    .interruptible = kInterruptible,
    .submission = DRM_IOCTL_I915_GEM_EXECBUFFER2_WR,
};

struct Cap {
    uint64_t cap;
    uint64_t value;
};
// i915 is a DRIVER_MODESET driver, so its render nodes answer the display's caps too (Linux:
// drm_ioctl.c drm_getcap(), intel_display_driver.c intel_mode_config_init()).
constexpr uint64_t kAtomicAsyncPageFlip = 0x15;  // DRM_CAP_ATOMIC_ASYNC_PAGE_FLIP, Linux 6.8
constexpr std::array kCaps = {
    Cap{DRM_CAP_DUMB_BUFFER, 1},           Cap{DRM_CAP_VBLANK_HIGH_CRTC, 1},
    Cap{DRM_CAP_DUMB_PREFERRED_DEPTH, 24}, Cap{DRM_CAP_DUMB_PREFER_SHADOW, 1},
    Cap{DRM_CAP_ASYNC_PAGE_FLIP, 1},       Cap{DRM_CAP_CURSOR_WIDTH, 256},
    Cap{DRM_CAP_CURSOR_HEIGHT, 256},       Cap{DRM_CAP_ADDFB2_MODIFIERS, 1},
    Cap{DRM_CAP_PAGE_FLIP_TARGET, 0},      Cap{DRM_CAP_CRTC_IN_VBLANK_EVENT, 1},
    Cap{kAtomicAsyncPageFlip, 0},
};

/// i915_drm_client.c: uabi_class_names.
std::string_view engine_name(EngineClass engine_class) {
    constexpr std::array<std::string_view, 5> kNames = {"render", "copy", "video", "video-enhance",
                                                        "compute"};
    return kNames[static_cast<size_t>(engine_class)];
}

}  // namespace

const DriverRings& driver_rings() {
    // __i915_request_reset(): the guilty job ends with EIO, others that ran with EAGAIN. The kernel
    // runs the latter again; here they are lost.
    static constexpr DriverRings kRings{.name = engine_name,
                                        .failures = {.killed = -EIO,
                                                     .faulted = -EIO,
                                                     .reset = -EIO,
                                                     .bystander = -EAGAIN,
                                                     .spreads = false}};
    return kRings;
}

DrmFile::DrmFile(const ChipInfo& chip, drm::DeviceSeat seat)
    : OpenFile(kDriver, std::move(seat.device), std::move(seat.stand_in)),
      chip_(chip),
      contexts_(chip, client_record_),
      vms_(kMaxVms),
      is_administrators_(drm::capable(CAP_SYS_ADMIN)),
      rings_(describe_rings(chip, driver_rings()), shared_device()) {}

DrmFile::~DrmFile() {
    if (uses_user_memory_) rings_.wait_finished(sched::Ring::Clock::time_point::max());
    rings_.close();
}

std::optional<uint64_t> DrmFile::capability(uint64_t cap) const {
    const auto found = std::ranges::find(kCaps, cap, &Cap::cap);
    return found == kCaps.end() ? std::nullopt : std::optional(found->value);
}

int DrmFile::may_map(const Buffer& buffer) const {
    return buffer.is_user_memory() ? -ENODEV : 0;
}

int DrmFile::may_export(const Buffer& buffer) const {
    // i915_gem_userptr_dmabuf_export()
    return buffer.is_user_memory() ? -EINVAL : 0;
}

Buffer::Record DrmFile::foreign_record() const {
    return Buffer::Record::of(GemRecord{});
}

/// i915_drm_client_fdinfo()
std::string DrmFile::fdinfo() const {
    constexpr uint64_t kKiB = 1024;
    uint64_t total = 0, active = 0, purgeable = 0;
    auto& self = const_cast<DrmFile&>(*this);
    for (const BufferPtr& buffer : self.buffers().all()) {
        total += buffer->size();
        const bool busy = !buffer->reservation().pending().empty();
        if (busy) active += buffer->size();
        if (!busy && record_of(*buffer).madvise == I915_MADV_DONTNEED) purgeable += buffer->size();
    }
    std::string text = client_lines();
    for (const auto& [name, bytes] :
         {std::pair("total", total), std::pair("shared", uint64_t{0}), std::pair("active", active),
          std::pair("resident", total), std::pair("purgeable", purgeable)})
        text += fmt::format("drm-{}-system0:\t{} KiB\n", name, bytes / kKiB);
    const auto videos = std::ranges::count(chip().engines, EngineClass::kVideo);
    if (videos > 1)
        text += fmt::format("drm-engine-capacity-{}:\t{}\n",
                            driver_rings().name(EngineClass::kVideo), videos);
    return text + rings_.busy_lines();
}

}  // namespace simgpu::intel::i915
