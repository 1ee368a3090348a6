#include "drm-context/amdgpu/amdgpu_context.h"

#include <amdgpu_drm.h>
#include <drm.h>
#include <linux/dma-buf.h>

#include "drm-context/context/requests.h"

namespace viaduct::amdgpu {

namespace w = wire::amdgpu;

namespace {

using C = AmdgpuContext;
template <Status (C::*method)(Request&)>
constexpr auto run = run_method<C, method>;

uint64_t measure_query_info(const Request& request) {
    return sizeof(w::Response) + uint64_t{request.as<w::QueryInfoRequest>().return_size};
}

// Beyond any structure of <drm/amdgpu_drm.h> and the 128 registers that READ_MMR_REG reads at most
// (Linux: amdgpu_kms.c, amdgpu_info_ioctl()). A video BIOS is read in pieces as well as at once.
uint64_t largest_query_info(const Request& request) {
    constexpr uint64_t kStructure = 4 << 10, kBiosPiece = 64 << 10;  // bytes
    const uint32_t query = request.as<w::QueryInfoRequest>().query;
    return sizeof(w::Response) + (query == AMDGPU_INFO_VBIOS ? kBiosPiece : kStructure);
}

bool query_info_varies(const Request& request) {
    switch (request.as<w::QueryInfoRequest>().query) {
        case AMDGPU_INFO_TIMESTAMP:
        case AMDGPU_INFO_SENSOR:
        case AMDGPU_INFO_MEMORY:
        case AMDGPU_INFO_VRAM_USAGE:
        case AMDGPU_INFO_VIS_VRAM_USAGE:
        case AMDGPU_INFO_GTT_USAGE:
        case AMDGPU_INFO_NUM_BYTES_MOVED:
        case AMDGPU_INFO_NUM_EVICTIONS:
        case AMDGPU_INFO_NUM_VRAM_CPU_PAGE_FAULTS:
            return true;
        default:
            return false;
    }
}
bool always_varies(const Request&) {
    return true;
}

constexpr ResultField kRet = {offsetof(w::Response, ret)};
template <typename Response>
constexpr ResponseLayout answers = {sizeof(Response), kRet};
constexpr ResponseLayout kResult = answers<w::Response>;
constexpr ResponseLayout kInfo = {sizeof(w::Response), kRet, measure_query_info, largest_query_info,
                                  query_info_varies};
constexpr ResponseLayout kFenceStatus = {
    .size = sizeof(w::CsQueryFenceStatusResponse), .result = kRet, .varies = always_varies};
constexpr RingField kRing = {offsetof(w::CsSubmitRequest, ring_idx)};
constexpr auto kBoQueryIoctls = makes<DRM_IOCTL_AMDGPU_GEM_METADATA, DRM_IOCTL_AMDGPU_GEM_OP>;
// Guests before Mesa 25.1 do not round a SET_METADATA up to the driver's alignment.
constexpr uint32_t kMetadataAlignment = 4;

// The index is the wire's command number.
constexpr CommandEntry kCommands[] = {
    {},
    {"QUERY_INFO", run<&C::query_info>, kInfo, makes<DRM_IOCTL_AMDGPU_INFO>},
    {"GEM_NEW", run<&C::gem_new>, kCreationResponse, makes<DRM_IOCTL_AMDGPU_GEM_CREATE>,
     Role::kCreate},
    {"BO_VA_OP", run<&C::bo_va_op>, kResult, makes<DRM_IOCTL_AMDGPU_GEM_VA>},
    {"CS_SUBMIT", run<&C::cs_submit>, kResult, makes<DRM_IOCTL_AMDGPU_CS>, Role::kSubmit, kRing},
    {"SET_METADATA", run<&C::set_metadata>, kResult, makes<DRM_IOCTL_AMDGPU_GEM_METADATA>,
     Role::kPlain, RingField(), kMetadataAlignment},
    {"BO_QUERY_INFO", run<&C::bo_query_info>, answers<w::BoQueryInfoResponse>, kBoQueryIoctls},
    {"CREATE_CTX", run<&C::create_ctx>, answers<w::CreateCtxResponse>, makes<DRM_IOCTL_AMDGPU_CTX>},
    {"RESERVE_VMID", run<&C::reserve_vmid>, kResult, makes<DRM_IOCTL_AMDGPU_VM>},
    {"SET_PSTATE", run<&C::set_pstate>, answers<w::SetPstateResponse>, makes<DRM_IOCTL_AMDGPU_CTX>},
    {"CS_QUERY_FENCE_STATUS", run<&C::cs_query_fence_status>, kFenceStatus,
     makes<DRM_IOCTL_AMDGPU_WAIT_CS>},
};
static_assert(std::size(kCommands) == static_cast<size_t>(w::Command::kCsQueryFenceStatus) + 1);

// Resets, mapping for the VMM, frames that are shown.
constexpr uint32_t kIoctls[] = {
    DRM_IOCTL_AMDGPU_CTX,     DRM_IOCTL_AMDGPU_INFO,   DRM_IOCTL_AMDGPU_GEM_MMAP,
    DRM_IOCTL_AMDGPU_WAIT_CS, DRM_IOCTL_AMDGPU_GEM_OP, DMA_BUF_IOCTL_EXPORT_SYNC_FILE,
};

constexpr DriverTraits kTraits = {
    .name = "amdgpu",
    .commands = kCommands,
    .alignment = w::kAlignment,
    .shmem_size = sizeof(w::Shmem),
    .loss = {LossField::Kind::kCounter32, offsetof(w::Shmem, async_error)},
    .ioctls = kIoctls,
};

}  // namespace

const DriverTraits& traits() {
    return kTraits;
}

QueueClass class_of(uint32_t ip_type) {
    switch (ip_type) {
        case AMDGPU_HW_IP_GFX:
            return QueueClass::kGraphics;
        case AMDGPU_HW_IP_COMPUTE:
            return QueueClass::kCompute;
        case AMDGPU_HW_IP_DMA:
            return QueueClass::kCopy;
        default:
            return QueueClass::kVideo;
    }
}

int query_kernel(Device& device, uint32_t query, void* to, uint32_t size) {
    drm_amdgpu_info info{};
    info.return_pointer = reinterpret_cast<uint64_t>(to);
    info.return_size = size;
    info.query = query;
    return device.ioctl(DRM_IOCTL_AMDGPU_INFO, &info);
}

AmdgpuContext::AmdgpuContext(std::unique_ptr<Device> device,
                             std::unique_ptr<ContextAccount> account)
    : DriverContext(std::move(device), std::move(account), kTraits) {
    gem().on_close([this](GemHandle handle) { handle_closed(handle); });
}

AmdgpuContext::~AmdgpuContext() {
    // The base closes the handles, after the members that the hook uses are gone.
    gem().on_close(nullptr);
    give_back_all_tables();
}

Status AmdgpuContext::discover_rings() {
    std::array<uint32_t, w::kIpTypes> offered{};
    for (uint32_t ip_type = 0; ip_type < w::kIpTypes; ++ip_type) {
        drm_amdgpu_info_hw_ip ip{};
        drm_amdgpu_info info{};
        info.return_pointer = reinterpret_cast<uint64_t>(&ip);
        info.return_size = sizeof(ip);
        info.query = AMDGPU_INFO_HW_IP_INFO;
        info.query_hw_ip.type = ip_type;
        if (device().ioctl(DRM_IOCTL_AMDGPU_INFO, &info) < 0) continue;
        offered[ip_type] = offered_rings(ip_type, ip.available_rings);
    }
    numbering_ = w::RingNumbering(offered);
    if (numbering_.count() == 0)
        return fail(ENODEV, "the GPU has no rings, or none that this VM is offered (budget)");
    for (uint32_t number = 1; number <= numbering_.count(); ++number) {
        const RingIndex ring(number);
        const auto [ip_type, index] = numbering_.hardware(number);
        statistics().describe(ring, class_of(ip_type), index);
        if (auto status = rings().add(ring); !status) return status;
    }
    return {};
}

// The lowest of the kernel's rings, as many as the budget has.
uint32_t AmdgpuContext::offered_rings(uint32_t ip_type, uint32_t available) {
    uint32_t wanted = account().limits().queues_of(class_of(ip_type));
    uint32_t offered = 0;
    for (; wanted > 0 && available != 0; --wanted) {
        offered |= available & -available;
        available &= available - 1;
    }
    return offered;
}

Result<uint64_t> AmdgpuContext::mmap_offset(GemHandle gem_handle) {
    drm_amdgpu_gem_mmap args{};
    args.in.handle = gem_handle.value();
    if (const int error = device().ioctl(DRM_IOCTL_AMDGPU_GEM_MMAP, &args); error < 0)
        return fail(EINVAL, "buffer {} cannot be mapped (errno {})", gem_handle, -error);
    return static_cast<uint64_t>(args.out.addr_ptr);
}

Result<std::unique_ptr<DriverContext>> create_context(std::unique_ptr<Device> device,
                                                      std::unique_ptr<ContextAccount> account) {
    auto context = std::make_unique<AmdgpuContext>(std::move(device), std::move(account));
    if (auto status = context->discover_rings(); !status) return tl::unexpected(status.error());
    return std::unique_ptr<DriverContext>(std::move(context));
}

}  // namespace viaduct::amdgpu
