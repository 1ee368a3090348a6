#include "guest-mesa/layer/i915/driver.h"

#include <sys/ioctl.h>

#include "guest-mesa/layer/blob_granule.h"
#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/ioctl_table.h"

namespace viaduct::guest::i915 {

namespace {

constexpr uint16_t kIntelVendor = 0x8086;

constexpr IoctlRow<Driver> kIoctls[] = {
    ioctl_row<&Driver::get_param>(DRM_I915_GETPARAM, "GETPARAM"),
    ioctl_row<&Driver::query>(DRM_I915_QUERY, "QUERY"),
    ioctl_row<&Driver::reg_read>(DRM_I915_REG_READ, "REG_READ"),
    ioctl_row<&Driver::gem_create>(DRM_I915_GEM_CREATE, "GEM_CREATE"),
    ioctl_row<&Driver::gem_create_ext>(DRM_I915_GEM_CREATE_EXT, "GEM_CREATE_EXT"),
    ioctl_row<&Driver::gem_mmap_offset>(DRM_I915_GEM_MMAP_GTT, "GEM_MMAP_OFFSET"),
    ioctl_row<&Driver::gem_set_domain>(DRM_I915_GEM_SET_DOMAIN, "GEM_SET_DOMAIN"),
    ioctl_row<&Driver::ignored>(DRM_I915_GEM_SW_FINISH, "GEM_SW_FINISH"),
    ioctl_row<&Driver::ignored>(DRM_I915_GEM_THROTTLE, "GEM_THROTTLE"),
    ioctl_row<&Driver::gem_set_tiling>(DRM_I915_GEM_SET_TILING, "GEM_SET_TILING"),
    ioctl_row<&Driver::gem_get_tiling>(DRM_I915_GEM_GET_TILING, "GEM_GET_TILING"),
    ioctl_row<&Driver::gem_get_aperture>(DRM_I915_GEM_GET_APERTURE, "GEM_GET_APERTURE"),
    ioctl_row<&Driver::gem_madvise>(DRM_I915_GEM_MADVISE, "GEM_MADVISE"),
    ioctl_row<&Driver::gem_busy>(DRM_I915_GEM_BUSY, "GEM_BUSY"),
    ioctl_row<&Driver::gem_wait>(DRM_I915_GEM_WAIT, "GEM_WAIT"),
    ioctl_row<&Driver::gem_userptr>(DRM_I915_GEM_USERPTR, "GEM_USERPTR"),
    ioctl_row<&Driver::context_create>(DRM_I915_GEM_CONTEXT_CREATE, "GEM_CONTEXT_CREATE"),
    ioctl_row<&Driver::context_destroy>(DRM_I915_GEM_CONTEXT_DESTROY, "GEM_CONTEXT_DESTROY"),
    ioctl_row<&Driver::context_get_param>(DRM_I915_GEM_CONTEXT_GETPARAM, "GEM_CONTEXT_GETPARAM"),
    ioctl_row<&Driver::context_set_param>(DRM_I915_GEM_CONTEXT_SETPARAM, "GEM_CONTEXT_SETPARAM"),
    ioctl_row<&Driver::reset_stats>(DRM_I915_GET_RESET_STATS, "GET_RESET_STATS"),
    ioctl_row<&Driver::vm_create>(DRM_I915_GEM_VM_CREATE, "GEM_VM_CREATE"),
    ioctl_row<&Driver::vm_destroy>(DRM_I915_GEM_VM_DESTROY, "GEM_VM_DESTROY"),
    ioctl_row<&Driver::execbuffer2>(DRM_I915_GEM_EXECBUFFER2, "GEM_EXECBUFFER2"),
    // Performance counters are the whole GPU's, and the protocol has no commands for them.
    ioctl_row<&Driver::unsupported>(DRM_I915_PERF_OPEN, "PERF_OPEN"),
    ioctl_row<&Driver::unsupported>(DRM_I915_PERF_ADD_CONFIG, "PERF_ADD_CONFIG"),
    ioctl_row<&Driver::unsupported>(DRM_I915_PERF_REMOVE_CONFIG, "PERF_REMOVE_CONFIG"),
};

}  // namespace

PciIdentity pci_identity(const viaduct::wire::CapsetDrm& capset) {
    const auto member = capset.member<wire::Capset>();
    return {kIntelVendor, static_cast<uint16_t>(member.pci_device_id),
            static_cast<uint8_t>(member.pci_revision_id)};
}

/// Buffers are laid out by the host's GPU, whatever screen the guest has, and i915 has modifiers
/// for all of its displays (Linux: intel_mode_config_init()).
std::optional<uint64_t> capability(const viaduct::wire::CapsetDrm&, uint64_t capability) {
    if (capability != DRM_CAP_ADDFB2_MODIFIERS) return std::nullopt;
    return 1;
}

Result<std::unique_ptr<GuestDriver>> Driver::create(const Channel& channel, Session& session) {
    return std::unique_ptr<GuestDriver>(new Driver(session, blob_granule(channel)));
}

int Driver::ioctl(const Channel& channel, unsigned long request, void* argument) {
    const auto number = static_cast<unsigned>(_IOC_NR(request));
    const auto* row = find_row<Driver>(kIoctls, number - DRM_COMMAND_BASE);
    if (row) return run_row(*row, *this, channel, request, argument);
    IoctlNotes::add("number {:#x}", number);
    if (debug_enabled()) print_ioctl("unknown ioctl", -EINVAL);
    return -EINVAL;
}

int Driver::prepare_export(const Channel& channel, GemHandle handle) {
    return session_.gems.find(channel, handle) ? 0 : -ENOENT;
}

int Driver::pass(const Channel& channel, uint32_t request, std::span<std::byte> argument) {
    auto head = make_request<wire::IoctlSimpleRequest>(wire::Command::kIoctlSimple);
    head.cmd = request;
    LongRequest message(head);
    message.append_bytes(argument.data(), argument.size());
    if (!(_IOC_DIR(request) & _IOC_READ)) return stream().post(channel, message.finish());
    std::vector<std::byte> response(sizeof(wire::IoctlSimpleResponse) + argument.size());
    if (const int error = stream().call(channel, {message.finish(), response}); error < 0)
        return error;
    wire::IoctlSimpleResponse answer{};
    std::memcpy(&answer, response.data(), sizeof(answer));
    if (answer.ret != 0) return error_of(answer.ret);
    std::memcpy(argument.data(), response.data() + sizeof(answer), argument.size());
    return 0;
}

}  // namespace viaduct::guest::i915
