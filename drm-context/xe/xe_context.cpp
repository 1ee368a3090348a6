#include "drm-context/xe/xe_context.h"

#include <linux/dma-buf.h>

#include <array>

#include "drm-context/context/requests.h"

namespace viaduct::xe {

namespace w = wire::xe;

namespace {

using C = XeContext;
template <Status (C::*method)(Request&)>
constexpr auto run = run_method<C, method>;

uint64_t measure_query(const Request& request) {
    constexpr uint64_t kWord = 8;
    const uint64_t size = request.as<w::DeviceQueryRequest>().size;
    return sizeof(w::Response) + (size + kWord - 1) / kWord * kWord;
}
// Beyond any answer: the hardware's own table is the longest, of a few kilobytes.
uint64_t largest_query(const Request&) {
    return 32 << 10;
}

bool query_varies(const Request& request) {
    const uint32_t query = request.as<w::DeviceQueryRequest>().query;
    return query == uapi::xe::kQueryEngineCycles || query == uapi::xe::kQueryMemRegions;
}

template <typename T>
constexpr uint32_t kRetOffset = offsetof(T, ret);
constexpr ResultField kRet = {kRetOffset<w::Response>, ErrorForm::kPositiveErrno};
constexpr ResultField kExecRet = {kRetOffset<w::ExecResponse>, ErrorForm::kPositiveErrno};
constexpr ResponseLayout kResult = {sizeof(w::Response), kRet};
constexpr ResponseLayout kExecResult = {sizeof(w::ExecResponse), kExecRet};
constexpr ResponseLayout kNone = {};
constexpr ResponseLayout kQuery = {sizeof(w::Response), kRet, measure_query, largest_query,
                                   query_varies};
constexpr RingField kRing = {.offset = offsetof(w::ExecRequest, exec_queue_id),
                             .base = w::kFirstQueueRing};

// The index is the wire's command number.
constexpr CommandEntry kCommands[] = {
    {},
    {"DEVICE_QUERY", run<&C::device_query>, kQuery, makes<uapi::xe::kDeviceQuery>},
    {"GEM_CREATE", run<&C::gem_create>, kCreationResponse, makes<uapi::xe::kGemCreate>,
     Role::kCreate},
    {"VM_CREATE", run<&C::vm_create>, kResult, makes<uapi::xe::kVmCreate>},
    {"VM_DESTROY", run<&C::vm_destroy>, kNone, makes<uapi::xe::kVmDestroy>},
    {"VM_BIND", run<&C::vm_bind>, kResult, makes<uapi::xe::kVmBind>},
    {"EXEC_QUEUE_CREATE", run<&C::exec_queue_create>, kResult, makes<uapi::xe::kExecQueueCreate>},
    {"EXEC_QUEUE_DESTROY", run<&C::exec_queue_destroy>, kNone, makes<uapi::xe::kExecQueueDestroy>},
    {"EXEC", run<&C::exec>, kExecResult, makes<uapi::xe::kExec>, Role::kSubmit, kRing},
};
static_assert(std::size(kCommands) == static_cast<size_t>(w::Command::kExec) + 1);

constexpr uint32_t kIoctls[] = {
    uapi::xe::kGemMmapOffset,         // mapping for the VMM
    uapi::xe::kExecQueueGetProperty,  // bans
    uapi::xe::kDeviceQuery,           // the engines, when a context starts
    DMA_BUF_IOCTL_EXPORT_SYNC_FILE,   // frames that are shown
};

constexpr DriverTraits kTraits = {
    .name = "xe",
    .commands = kCommands,
    .alignment = w::kAlignment,
    .shmem_size = sizeof(w::Shmem),
    .loss = {LossField::Kind::kMask64, offsetof(w::Shmem, banned_exec_queue_mask)},
    .ioctls = kIoctls,
};

}  // namespace

const DriverTraits& traits() {
    return kTraits;
}

QueueClass class_of(uint16_t engine_class) {
    switch (engine_class) {
        case uapi::xe::kClassRender:
            return QueueClass::kGraphics;
        case uapi::xe::kClassCompute:
            return QueueClass::kCompute;
        case uapi::xe::kClassCopy:
            return QueueClass::kCopy;
        default:
            return QueueClass::kVideo;
    }
}

XeContext::XeContext(std::unique_ptr<Device> device, std::unique_ptr<ContextAccount> account)
    : DriverContext(std::move(device), std::move(account), kTraits) {
    gem().on_close([this](GemHandle handle) {
        // Mappings keep it; its handle is gone.
        if (const auto memory = memories_.extract(handle)) memory.mapped()->shown = GemHandle();
    });
    // The kernel counts cycles: two readings show how long one takes (device/busy_reader.h).
    (void)this->device().busy_times();
}

XeContext::~XeContext() {
    // The base closes the handles, after the members that the hook uses are gone.
    gem().on_close(nullptr);
}

Status XeContext::discover() {
    if (auto status = discover_regions(); !status) return status;
    return discover_engines();
}

Result<uint64_t> XeContext::mmap_offset(GemHandle gem_handle) {
    uapi::xe::GemMmapOffset args{};
    args.handle = gem_handle.value();
    if (const int error = device().ioctl(uapi::xe::kGemMmapOffset, &args); error < 0)
        return fail(EINVAL, "buffer {} cannot be mapped (errno {})", gem_handle, -error);
    return args.offset;
}

Result<std::unique_ptr<DriverContext>> create_context(std::unique_ptr<Device> device,
                                                      std::unique_ptr<ContextAccount> account) {
    auto context = std::make_unique<XeContext>(std::move(device), std::move(account));
    if (auto status = context->discover(); !status) return tl::unexpected(status.error());
    return std::unique_ptr<DriverContext>(std::move(context));
}

}  // namespace viaduct::xe
