#include "tests/loopback/client/gpu_file.h"

#include <drm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace viaduct::loopback {

using namespace wire::virtgpu;

namespace {

constexpr unsigned kDriverBase = 0x40;     // drm.h: DRM_COMMAND_BASE
constexpr unsigned kSetClientName = 0xd1;  // Linux 6.13: DRM_IOCTL_SET_CLIENT_NAME
/// No argument that we know is larger.
constexpr size_t kMaxArgument = 128;

constexpr unsigned nr_of(Ioctl ioctl) {
    return kDriverBase + static_cast<unsigned>(ioctl);
}

/// As drm_copy_field: the length always, the text as far as there is room.
void copy_field(char* room, __kernel_size_t& length, std::string_view text) {
    if (room) std::memcpy(room, text.data(), std::min<size_t>(length, text.size()));
    length = text.size();
}

}  // namespace

/// Linux: drm_ioctl.c, the flags of drm_ioctls[]. A render node has those marked RENDER_ALLOW.
enum class Nodes { kBoth, kPrimaryOnly };

/// A row per ioctl: its number, its argument's size in our kernel, who does it.
struct GpuFile::Entry {
    unsigned nr;
    size_t size;
    int (GpuFile::*handler)(void*);
    Nodes nodes = Nodes::kBoth;
};

const GpuFile::Entry* GpuFile::find_entry(unsigned nr) {
    static constexpr Entry kEntries[] = {
        {_IOC_NR(DRM_IOCTL_VERSION), sizeof(drm_version), &GpuFile::on_version},
        {_IOC_NR(DRM_IOCTL_GET_UNIQUE), sizeof(drm_unique), &GpuFile::on_get_unique,
         Nodes::kPrimaryOnly},
        {_IOC_NR(DRM_IOCTL_GET_MAGIC), sizeof(drm_auth), &GpuFile::on_get_magic,
         Nodes::kPrimaryOnly},
        {_IOC_NR(DRM_IOCTL_GET_CLIENT), sizeof(drm_client), &GpuFile::on_get_client,
         Nodes::kPrimaryOnly},
        {_IOC_NR(DRM_IOCTL_SET_CLIENT_CAP), sizeof(drm_set_client_cap), &GpuFile::on_set_client_cap,
         Nodes::kPrimaryOnly},
        {_IOC_NR(DRM_IOCTL_AUTH_MAGIC), sizeof(drm_auth), &GpuFile::on_auth_magic,
         Nodes::kPrimaryOnly},
        {_IOC_NR(DRM_IOCTL_GET_CAP), sizeof(drm_get_cap), &GpuFile::on_get_cap},
        {kSetClientName, 16, &GpuFile::on_set_client_name},
        {_IOC_NR(DRM_IOCTL_GEM_CLOSE), sizeof(drm_gem_close), &GpuFile::on_gem_close},
        {_IOC_NR(DRM_IOCTL_PRIME_HANDLE_TO_FD), sizeof(drm_prime_handle),
         &GpuFile::on_prime_handle_to_fd},
        {_IOC_NR(DRM_IOCTL_PRIME_FD_TO_HANDLE), sizeof(drm_prime_handle),
         &GpuFile::on_prime_fd_to_handle},
        {nr_of(Ioctl::kMap), sizeof(Map), &GpuFile::on_map},
        {nr_of(Ioctl::kExecbuffer), sizeof(Execbuffer), &GpuFile::on_execbuffer},
        {nr_of(Ioctl::kGetParam), sizeof(GetParam), &GpuFile::on_get_param},
        {nr_of(Ioctl::kResourceCreate), sizeof(ResourceCreate), &GpuFile::on_resource_create},
        {nr_of(Ioctl::kResourceInfo), sizeof(ResourceInfo), &GpuFile::on_resource_info},
        {nr_of(Ioctl::kTransferFromHost), sizeof(Transfer), &GpuFile::on_transfer_from_host},
        {nr_of(Ioctl::kTransferToHost), sizeof(Transfer), &GpuFile::on_transfer_to_host},
        {nr_of(Ioctl::kWait), sizeof(Wait), &GpuFile::on_wait},
        {nr_of(Ioctl::kGetCaps), sizeof(GetCaps), &GpuFile::on_get_caps},
        {nr_of(Ioctl::kResourceCreateBlob), sizeof(ResourceCreateBlobHints),
         &GpuFile::on_resource_create_blob},
        {nr_of(Ioctl::kContextInit), sizeof(ContextInit), &GpuFile::on_context_init},
    };
    const auto* entry = std::ranges::find(kEntries, nr, &Entry::nr);
    return entry == std::end(kEntries) ? nullptr : entry;
}

GpuFile::GpuFile(NodeType type)
    : type_(type), id_([] {
          static std::atomic<uint64_t> next_id = 1;
          return next_id++;
      }()) {}

Result<std::unique_ptr<GpuFile>> GpuFile::open(const std::string& socket_path, NodeType type) {
    // A buffer's fences in the guest's kernel are not those in its host's, nor the other way
    // round.
    simgpu::shared::FenceBoard::act_for(simgpu::shared::FenceBoard::Kernel::kGuest);
    std::unique_ptr<GpuFile> file(new GpuFile(type));
    if (const auto status = file->connect(socket_path); !status)
        return tl::unexpected(status.error());
    return file;
}

Status GpuFile::connect(const std::string& socket_path) {
    auto connection = Connection::open(socket_path, {[this](const FenceSignalled& signalled) {
                                                         fences_.signal_through(
                                                             signalled.ring, signalled.fence_token);
                                                     },
                                                     [this] { fences_.signal_all(-ENODEV); }});
    if (!connection) return tl::unexpected(connection.error());
    connection_ = std::move(*connection);
    return {};
}

int GpuFile::ioctl(unsigned long request, void* argument) {
    if (_IOC_TYPE(request) != DRM_IOCTL_BASE) return -ENOTTY;
    const unsigned nr = _IOC_NR(request);
    const bool is_syncobj = simgpu::drm::is_syncobj_ioctl(nr);
    const Entry* entry = find_entry(nr);
    if (!entry && !is_syncobj) return -EINVAL;
    if (entry && entry->nodes == Nodes::kPrimaryOnly && type_ == NodeType::kRender) return -EACCES;
    if (!argument) return -EFAULT;
    // The DRM core's rule: a shorter argument is extended with zeros, a longer one's tail is
    // ignored and comes back as zeros.
    const size_t user_size = _IOC_SIZE(request);
    const size_t known = std::min(user_size, entry ? entry->size : kMaxArgument);
    alignas(16) std::array<std::byte, kMaxArgument> copy{};
    if (_IOC_DIR(request) & _IOC_WRITE) std::memcpy(copy.data(), argument, known);
    const int result =
        entry ? (this->*entry->handler)(copy.data()) : syncobjs_.ioctl(nr, copy.data());
    if (_IOC_DIR(request) & _IOC_READ) {
        std::memcpy(argument, copy.data(), known);
        std::memset(static_cast<std::byte*>(argument) + known, 0, user_size - known);
    }
    return result;
}

int GpuFile::on_version(void* argument) {
    auto& version = *static_cast<drm_version*>(argument);
    version.version_major = 0;
    version.version_minor = 1;
    version.version_patchlevel = 0;
    copy_field(version.name, version.name_len, kDriverName);
    copy_field(version.date, version.date_len, "0");
    copy_field(version.desc, version.desc_len, "virtio GPU");
    return 0;
}

int GpuFile::on_get_unique(void* argument) {
    auto& unique = *static_cast<drm_unique*>(argument);
    copy_field(unique.unique, unique.unique_len, {});
    return 0;
}

/// drm_auth.c, drm_getmagic: a file has one magic number, of the device's.
int GpuFile::on_get_magic(void* argument) {
    std::call_once(magic_once_, [this] {
        magic_ = std::atomic_ref(connection_->shared().next_magic).fetch_add(1);
    });
    static_cast<drm_auth*>(argument)->magic = magic_;
    return 0;
}

/// No file is the device's master here, as in a guest whose screen somebody else has: only
/// CAP_SYS_ADMIN counts as authenticated (Linux: drm_file.c, drm_file_alloc).
int GpuFile::on_get_client(void* argument) {
    auto& client = *static_cast<drm_client*>(argument);
    if (client.idx != 0) return -EINVAL;
    constexpr unsigned long kOverflowUid = 65534;  // Linux: DEFAULT_OVERFLOWUID
    client.auth = ::geteuid() == 0 ? 1 : 0;
    client.pid = static_cast<unsigned long>(::getpid());
    client.uid = kOverflowUid;
    client.magic = 0;
    client.iocs = 0;
    return 0;
}

/// The device has no scanouts, and a driver without mode setting has no such capabilities.
int GpuFile::on_set_client_cap(void*) {
    return -EOPNOTSUPP;
}

int GpuFile::on_auth_magic(void*) {
    return -EACCES;  // for the master
}

int GpuFile::on_get_cap(void* argument) {
    auto& cap = *static_cast<drm_get_cap*>(argument);
    // As drm_getcap answers for a render-only driver before any mode-setting capability.
    switch (cap.capability) {
        case DRM_CAP_TIMESTAMP_MONOTONIC:
        case DRM_CAP_SYNCOBJ:
        case DRM_CAP_SYNCOBJ_TIMELINE:
            cap.value = 1;
            return 0;
        case DRM_CAP_PRIME:
            cap.value = DRM_PRIME_CAP_IMPORT | DRM_PRIME_CAP_EXPORT;
            return 0;
        default:
            cap.value = 0;
            return -EOPNOTSUPP;
    }
}

int GpuFile::on_set_client_name(void*) {
    return 0;
}

int GpuFile::on_get_param(void* argument) {
    const auto& request = *static_cast<GetParam*>(argument);
    uint32_t value = 1;
    switch (static_cast<Param>(request.param)) {
        case Param::k3dFeatures:
        case Param::kCapsetQueryFix:
        case Param::kResourceBlob:
        case Param::kHostVisible:
        case Param::kContextInit:
        case Param::kExplicitDebugName:
            break;
        case Param::kCrossDevice:
            value = 0;  // no resource has a UUID here
            break;
        case Param::kBlobAlignment:
            if (device().blob_alignment == 0) return -EINVAL;  // as kernels that do not know it
            value = device().blob_alignment;
            break;
        case Param::kSupportedCapsetIds:
            value = 0;
            for (uint32_t i = 0; i < device().capset_count; ++i)
                value |= 1u << device().capsets[i].id;
            break;
        default:
            return -EINVAL;
    }
    auto* const out = reinterpret_cast<uint32_t*>(request.value);
    if (!out) return -EFAULT;
    std::memcpy(out, &value, sizeof(value));
    return 0;
}

int GpuFile::on_get_caps(void* argument) {
    const auto& request = *static_cast<GetCaps*>(argument);
    if (device().capset_count == 0) return -ENOSYS;
    if (request.size == 0) return -EINVAL;
    const auto end = device().capsets.begin() + device().capset_count;
    const auto info = std::find_if(device().capsets.begin(), end, [&](const CapsetInfo& candidate) {
        return candidate.id == request.cap_set_id && candidate.max_version >= request.cap_set_ver;
    });
    if (info == end) return -EINVAL;
    const std::lock_guard lock(capset_mutex_);
    auto& data = capsets_[{request.cap_set_id, request.cap_set_ver}];
    if (data.empty()) {
        Packet packet = Packet::request(MessageType::kGetCapset);
        packet.set_body(GetCapset{request.cap_set_id, request.cap_set_ver});
        auto reply = connection_->call(packet);
        if (!reply) return -EBUSY;  // as when the device does not answer
        data = std::move(reply->payload);
    }
    auto* const out = reinterpret_cast<void*>(request.addr);
    if (!out) return -EFAULT;
    std::memcpy(out, data.data(), std::min<size_t>(request.size, data.size()));
    return 0;
}

bool GpuFile::has_capset(uint32_t id) const {
    const auto end = device().capsets.begin() + device().capset_count;
    return std::any_of(device().capsets.begin(), end,
                       [&](const CapsetInfo& info) { return info.id == id; });
}

ResourceId GpuFile::next_resource_id() {
    return ResourceId(std::atomic_ref(connection_->shared().next_resource_id).fetch_add(1));
}

}  // namespace viaduct::loopback
