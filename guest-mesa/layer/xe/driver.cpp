#include "guest-mesa/layer/xe/driver.h"

#include <cstring>

#include "guest-mesa/layer/blob_granule.h"
#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/ioctl_table.h"

namespace viaduct::guest::xe {

namespace {

constexpr uint16_t kIntelVendor = 0x8086;

template <auto Method>
constexpr auto row(unsigned long request, const char* name) {
    return ioctl_row<Method>(static_cast<unsigned>(_IOC_NR(request)) - uapi::xe::kCommandBase,
                             name);
}

// OBSERVATION, MADVISE and what came later do not travel: they are absent.
constexpr IoctlRow<Driver> kIoctls[] = {
    row<&Driver::device_query>(uapi::xe::kDeviceQuery, "DEVICE_QUERY"),
    row<&Driver::gem_create>(uapi::xe::kGemCreate, "GEM_CREATE"),
    row<&Driver::gem_mmap_offset>(uapi::xe::kGemMmapOffset, "GEM_MMAP_OFFSET"),
    row<&Driver::vm_create>(uapi::xe::kVmCreate, "VM_CREATE"),
    row<&Driver::vm_destroy>(uapi::xe::kVmDestroy, "VM_DESTROY"),
    row<&Driver::vm_bind>(uapi::xe::kVmBind, "VM_BIND"),
    row<&Driver::exec_queue_create>(uapi::xe::kExecQueueCreate, "EXEC_QUEUE_CREATE"),
    row<&Driver::exec_queue_destroy>(uapi::xe::kExecQueueDestroy, "EXEC_QUEUE_DESTROY"),
    row<&Driver::exec_queue_get_property>(uapi::xe::kExecQueueGetProperty,
                                          "EXEC_QUEUE_GET_PROPERTY"),
    row<&Driver::exec>(uapi::xe::kExec, "EXEC"),
    row<&Driver::wait_user_fence>(uapi::xe::kWaitUserFence, "WAIT_USER_FENCE"),
};

}  // namespace

PciIdentity pci_identity(const viaduct::wire::CapsetDrm& capset) {
    const auto gpu = capset.member<wire::Capset>();
    return {kIntelVendor, static_cast<uint16_t>(gpu.pci_device_id),
            static_cast<uint8_t>(gpu.pci_revision_id)};
}

/// Buffers are laid out by the host's GPU, whatever screen the guest has, and all that xe drives
/// have modifiers.
std::optional<uint64_t> capability(const viaduct::wire::CapsetDrm&, uint64_t capability) {
    return capability == DRM_CAP_ADDFB2_MODIFIERS ? std::optional<uint64_t>(1) : std::nullopt;
}

Result<std::unique_ptr<GuestDriver>> Driver::create(const Channel& channel, Session& session) {
    return std::unique_ptr<GuestDriver>(new Driver(session, blob_granule(channel)));
}

int Driver::ioctl(const Channel& channel, unsigned long request, void* argument) {
    const auto number = static_cast<unsigned>(_IOC_NR(request));
    const auto* found = find_row<Driver>(kIoctls, number - DRM_COMMAND_BASE);
    if (found) return run_row(*found, *this, channel, request, argument);
    IoctlNotes::add("number {:#x}", number);
    if (debug_enabled()) print_ioctl("unknown ioctl", -EINVAL);
    return -EINVAL;
}

int Driver::device_query(const Channel& channel, uapi::xe::DeviceQuery& arg) {
    IoctlNotes::add("query={} size={}", arg.query, arg.size);
    if (arg.extensions || arg.reserved[0] || arg.reserved[1]) return -EINVAL;
    const uint32_t room = stream().max_response() - static_cast<uint32_t>(sizeof(wire::Response));
    if (arg.size > room / 2) return -EINVAL;
    auto request = make_request<wire::DeviceQueryRequest>(wire::Command::kDeviceQuery);
    request.query = arg.query;
    request.size = arg.size;
    constexpr size_t kWord = 8;
    std::vector<std::byte> response(sizeof(wire::Response) +
                                    (arg.size + kWord - 1) / kWord * kWord);
    if (const int error = stream().call(channel, {as_bytes(request), response}); error < 0)
        return error;
    wire::Response head;
    std::memcpy(&head, response.data(), sizeof(head));
    if (head.ret != 0) return error_of(head.ret);
    if (arg.size != 0) {
        if (!arg.data) return -EFAULT;
        std::memcpy(reinterpret_cast<void*>(static_cast<uintptr_t>(arg.data)),
                    response.data() + sizeof(head), arg.size);
    }
    arg.size = head.value;
    return 0;
}

}  // namespace viaduct::guest::xe
