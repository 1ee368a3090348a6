#include "guest-mesa/layer/amdgpu/driver.h"

#include "guest-mesa/layer/blob_granule.h"
#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/ioctl_table.h"
#include "guest-mesa/layer/syncobj.h"
#include "wire/amdgpu_capset.h"

namespace viaduct::guest::amdgpu {

namespace {

constexpr uint16_t kAtiVendor = 0x1002;

// Numbers: DRM_AMDGPU_* of <amdgpu_drm.h>. User queues (0x16 …) need doorbells and are absent.
constexpr IoctlRow<Driver> kIoctls[] = {
    ioctl_row<&Driver::gem_create>(DRM_AMDGPU_GEM_CREATE, "GEM_CREATE"),
    ioctl_row<&Driver::gem_mmap>(DRM_AMDGPU_GEM_MMAP, "GEM_MMAP"),
    ioctl_row<&Driver::ctx>(DRM_AMDGPU_CTX, "CTX"),
    ioctl_row<&Driver::bo_list>(DRM_AMDGPU_BO_LIST, "BO_LIST"),
    ioctl_row<&Driver::cs>(DRM_AMDGPU_CS, "CS"),
    ioctl_row<&Driver::info>(DRM_AMDGPU_INFO, "INFO"),
    ioctl_row<&Driver::gem_metadata>(DRM_AMDGPU_GEM_METADATA, "GEM_METADATA"),
    ioctl_row<&Driver::gem_wait_idle>(DRM_AMDGPU_GEM_WAIT_IDLE, "GEM_WAIT_IDLE"),
    ioctl_row<&Driver::gem_va>(DRM_AMDGPU_GEM_VA, "GEM_VA"),
    ioctl_row<&Driver::wait_cs>(DRM_AMDGPU_WAIT_CS, "WAIT_CS"),
    ioctl_row<&Driver::gem_op>(DRM_AMDGPU_GEM_OP, "GEM_OP"),
    ioctl_row<&Driver::gem_userptr>(DRM_AMDGPU_GEM_USERPTR, "GEM_USERPTR"),
    ioctl_row<&Driver::wait_fences>(DRM_AMDGPU_WAIT_FENCES, "WAIT_FENCES"),
    ioctl_row<&Driver::vm>(DRM_AMDGPU_VM, "VM"),
    ioctl_row<&Driver::fence_to_handle>(DRM_AMDGPU_FENCE_TO_HANDLE, "FENCE_TO_HANDLE"),
    ioctl_row<&Driver::sched>(DRM_AMDGPU_SCHED, "SCHED"),
};

/// The rings of every IP type, asked for in one journey.
Result<wire::RingNumbering> query_rings(const Channel& channel, CommandStream& stream) {
    struct Answer {
        wire::Response head;
        drm_amdgpu_info_hw_ip ip;
    };
    std::array<wire::QueryInfoRequest, wire::kIpTypes> requests{};
    std::array<Answer, wire::kIpTypes> answers{};
    std::array<Call, wire::kIpTypes> calls;
    for (uint32_t type = 0; type < wire::kIpTypes; ++type) {
        auto& request = requests[type];
        request = make_request<wire::QueryInfoRequest>(wire::Command::kQueryInfo);
        request.return_size = sizeof(Answer::ip);
        request.query = AMDGPU_INFO_HW_IP_INFO;
        request.args[0] = type;
        calls[type] = {as_bytes(request), as_bytes(answers[type])};
    }
    if (const int error = stream.call_all(channel, calls); error < 0)
        return fail(-error, "the host does not report its rings (error {})", -error);

    std::array<uint32_t, wire::kIpTypes> masks{};
    for (uint32_t type = 0; type < wire::kIpTypes; ++type)
        if (answers[type].head.ret == 0) masks[type] = answers[type].ip.available_rings;
    return wire::RingNumbering(masks);
}

viaduct::wire::amdgpu::GpuInfo gpu_info(const viaduct::wire::CapsetDrm& capset) {
    return capset.member<viaduct::wire::amdgpu::Capset>().gpu_info;
}

}  // namespace

PciIdentity pci_identity(const viaduct::wire::CapsetDrm& capset) {
    const auto gpu = gpu_info(capset);
    return {kAtiVendor, static_cast<uint16_t>(gpu.asic_id), static_cast<uint8_t>(gpu.pci_rev_id)};
}

/// Buffers are laid out by the host's GPU, whatever screen the guest has. amdgpu has modifiers for
/// its displays from GFX9 on (Linux: amdgpu_dm_plane.c, amdgpu_dm_plane_get_plane_modifiers).
std::optional<uint64_t> capability(const viaduct::wire::CapsetDrm& capset, uint64_t capability) {
    if (capability != DRM_CAP_ADDFB2_MODIFIERS) return std::nullopt;
    if (gpu_info(capset).family_id < AMDGPU_FAMILY_AI) return std::nullopt;
    return 1;
}

Result<std::unique_ptr<GuestDriver>> Driver::create(const Channel& channel, Session& session) {
    const auto numbering = query_rings(channel, *session.stream);
    if (!numbering) return tl::unexpected(numbering.error());
    if (numbering->count() == 0) return fail(ENODEV, "the host's GPU has no rings");
    std::unique_ptr<Driver> driver(new Driver(session, *numbering, blob_granule(channel)));
    for (Timeline& timeline : driver->timelines_) {
        if (const int error = syncobj::create(channel, timeline.syncobj); error < 0)
            return fail(-error, "cannot create a syncobj for a ring (error {})", -error);
        session.fences.begin(timeline.syncobj);
    }
    return driver;
}

int Driver::ioctl(const Channel& channel, unsigned long request, void* argument) {
    const auto number = static_cast<unsigned>(_IOC_NR(request));
    const auto* row = find_row<Driver>(kIoctls, number - DRM_COMMAND_BASE);
    if (row) return run_row(*row, *this, channel, request, argument);
    IoctlNotes::add("number {:#x}", number);
    if (debug_enabled()) print_ioctl("unknown ioctl", -EINVAL);
    return -EINVAL;
}

int Driver::sched(const Channel&, drm_amdgpu_sched&) {
    // Changing another process's priority is for the display server of the machine that owns the
    // GPU.
    return -EACCES;
}

}  // namespace viaduct::guest::amdgpu
