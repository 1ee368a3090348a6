#include "simgpu/amd/kernel/drm_file.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "simgpu/amd/kernel/runtime_pm.h"
#include "simgpu/inject.h"
#include "simgpu/sync/drm_uapi.h"

namespace simgpu::amdgpu {

namespace {

constexpr uint32_t kMaxContexts = 4095;  // Linux: AMDGPU_VM_MAX_NUM_CTX - 1
constexpr uint32_t kMaxLists = 1u << 20;

constexpr unsigned long core_ioctl(unsigned number, size_t size) {
    return _IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE, number, size);
}

constexpr std::array kIoctls = {
    IoctlEntry{DRM_IOCTL_VERSION, "VERSION", core::version},
    IoctlEntry{DRM_IOCTL_GET_UNIQUE, "GET_UNIQUE", core::get_unique},
    IoctlEntry{DRM_IOCTL_GET_MAGIC, "GET_MAGIC", core::refuse_without_master},
    IoctlEntry{DRM_IOCTL_GET_CLIENT, "GET_CLIENT", core::get_client},
    IoctlEntry{DRM_IOCTL_SET_VERSION, "SET_VERSION", core::refuse_without_master},
    IoctlEntry{DRM_IOCTL_GEM_CLOSE, "GEM_CLOSE", core::gem_close},
    IoctlEntry{DRM_IOCTL_GET_CAP, "GET_CAP", core::get_cap},
    IoctlEntry{DRM_IOCTL_SET_CLIENT_CAP, "SET_CLIENT_CAP", core::set_client_cap},
    IoctlEntry{DRM_IOCTL_AUTH_MAGIC, "AUTH_MAGIC", core::refuse_without_master},
    IoctlEntry{DRM_IOCTL_SET_MASTER, "SET_MASTER", core::refuse_without_master},
    IoctlEntry{DRM_IOCTL_DROP_MASTER, "DROP_MASTER", core::refuse_without_master},
    IoctlEntry{DRM_IOCTL_PRIME_HANDLE_TO_FD, "PRIME_HANDLE_TO_FD", core::prime_handle_to_fd},
    IoctlEntry{DRM_IOCTL_PRIME_FD_TO_HANDLE, "PRIME_FD_TO_HANDLE", core::prime_fd_to_handle},
    IoctlEntry{core_ioctl(drm::nr::kSetClientName, sizeof(drm::SetClientNameArgs)),
               "SET_CLIENT_NAME", core::set_client_name},
    IoctlEntry{DRM_IOCTL_AMDGPU_GEM_CREATE, "AMDGPU_GEM_CREATE", gem::create},
    IoctlEntry{DRM_IOCTL_AMDGPU_GEM_MMAP, "AMDGPU_GEM_MMAP", gem::mmap},
    IoctlEntry{DRM_IOCTL_AMDGPU_CTX, "AMDGPU_CTX", ctx::context},
    IoctlEntry{DRM_IOCTL_AMDGPU_BO_LIST, "AMDGPU_BO_LIST", gem::bo_list},
    IoctlEntry{DRM_IOCTL_AMDGPU_CS, "AMDGPU_CS", cs::submit},
    IoctlEntry{DRM_IOCTL_AMDGPU_INFO, "AMDGPU_INFO", info},
    IoctlEntry{DRM_IOCTL_AMDGPU_GEM_METADATA, "AMDGPU_GEM_METADATA", gem::metadata},
    IoctlEntry{DRM_IOCTL_AMDGPU_GEM_WAIT_IDLE, "AMDGPU_GEM_WAIT_IDLE", gem::wait_idle},
    IoctlEntry{DRM_IOCTL_AMDGPU_GEM_VA, "AMDGPU_GEM_VA", gem::va},
    IoctlEntry{DRM_IOCTL_AMDGPU_WAIT_CS, "AMDGPU_WAIT_CS", cs::wait},
    IoctlEntry{DRM_IOCTL_AMDGPU_GEM_OP, "AMDGPU_GEM_OP", gem::op},
    IoctlEntry{DRM_IOCTL_AMDGPU_GEM_USERPTR, "AMDGPU_GEM_USERPTR", gem::userptr},
    IoctlEntry{DRM_IOCTL_AMDGPU_WAIT_FENCES, "AMDGPU_WAIT_FENCES", cs::wait_fences},
    IoctlEntry{DRM_IOCTL_AMDGPU_VM, "AMDGPU_VM", ctx::vm},
    IoctlEntry{DRM_IOCTL_AMDGPU_FENCE_TO_HANDLE, "AMDGPU_FENCE_TO_HANDLE", cs::fence_to_handle},
    // amdgpu_drv.c: for the DRM master only, and a render node never is.
    IoctlEntry{DRM_IOCTL_AMDGPU_SCHED, "AMDGPU_SCHED", core::refuse_without_master},
};

/// Ioctls that wait interruptibly: for fences (dma_fence_wait()), for reservations or room in
/// memory (drm_exec, ttm_bo_validate()).
constexpr std::array kInterruptible = {
    DRM_IOCTL_AMDGPU_GEM_CREATE,     DRM_IOCTL_AMDGPU_CS,
    DRM_IOCTL_AMDGPU_GEM_METADATA,   DRM_IOCTL_AMDGPU_GEM_WAIT_IDLE,
    DRM_IOCTL_AMDGPU_GEM_VA,         DRM_IOCTL_AMDGPU_WAIT_CS,
    DRM_IOCTL_AMDGPU_GEM_OP,         DRM_IOCTL_AMDGPU_WAIT_FENCES,
    DRM_IOCTL_AMDGPU_GEM_USERPTR,    DRM_IOCTL_SYNCOBJ_WAIT,
    DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT,
};

bool is_interruptible(unsigned number) {
    return std::ranges::any_of(kInterruptible, [number](unsigned long request) {
        return static_cast<unsigned>(_IOC_NR(request)) == number;
    });
}

/// An ioctl as the dispatcher sees it, whichever table lists it.
struct Target {
    unsigned direction = 0;  // _IOC_READ, _IOC_WRITE
    size_t size = 0;
    int (*handler)(DrmFile&, void*) = nullptr;  // null: a syncobj ioctl
};

std::optional<Target> find_target(unsigned number) {
    if (const size_t size = drm::syncobj_ioctl_size(number))
        return Target{_IOC_READ | _IOC_WRITE, size, nullptr};
    const auto found = std::ranges::find(kIoctls, number, [](const IoctlEntry& entry) {
        return static_cast<unsigned>(_IOC_NR(entry.request));
    });
    if (found == kIoctls.end()) return std::nullopt;
    return Target{static_cast<unsigned>(_IOC_DIR(found->request)), _IOC_SIZE(found->request),
                  found->handler};
}

}  // namespace

std::string process_name() {
    std::string name;
    std::ifstream("/proc/self/comm") >> name;
    return name.empty() ? "unknown" : name;
}

DrmFile::DrmFile(const ModelInfo& model, std::shared_ptr<shared::SharedDevice> device,
                 viaduct::UniqueFd stand_in)
    : model_(model),
      device_(std::move(device)),
      stand_in_(std::move(stand_in)),
      client_(std::make_shared<sched::Client>(device_->next_client_id(), process_name())),
      contexts_(kMaxContexts),
      buffer_lists_(kMaxLists),
      rings_(describe_rings(model), device_) {}

int DrmFile::ioctl(unsigned long request, void* argument) {
    wake_device(*device_);
    if (_IOC_TYPE(request) != DRM_IOCTL_BASE) return -ENOTTY;
    const auto number = static_cast<unsigned>(_IOC_NR(request));
    const std::optional<Target> target = find_target(number);
    if (!target) return -EINVAL;
    // drm_ioctl(): what the user gives beyond our size is ignored, what he leaves out is zero, and
    // he gets back as much as he asked for.
    const size_t user_size = _IOC_SIZE(request);
    const unsigned direction = static_cast<unsigned>(_IOC_DIR(request)) & target->direction;
    if (!argument && user_size != 0 && direction != 0) return -EFAULT;
    if (is_interruptible(number)) {
        const bool submission = number == _IOC_NR(DRM_IOCTL_AMDGPU_CS);
        if (const int error = inject_into_ioctl(submission, client_name())) return error;
    }
    std::vector<uint64_t> copy((std::max(user_size, target->size) + 7) / 8);
    if (direction & _IOC_WRITE) std::memcpy(copy.data(), argument, user_size);
    const int result = target->handler ? target->handler(*this, copy.data())
                                       : syncobjs_.ioctl(number, copy.data());
    if (direction & _IOC_READ) std::memcpy(argument, copy.data(), user_size);
    return result;
}

tl::expected<MapSource, int> DrmFile::map_source(uint64_t mmap_offset) {
    uint64_t inside = 0;
    const BufferPtr buffer = buffers_.find_offset(mmap_offset, &inside);
    if (!buffer) return tl::unexpected(EINVAL);
    if (buffer->is_user_memory() ||
        (record_of(*buffer).create_flags & AMDGPU_GEM_CREATE_NO_CPU_ACCESS))
        return tl::unexpected(EPERM);
    // The kernel finds that out when the memory is touched, and so does the caller: nothing is
    // behind the pages of an empty file.
    if (buffer->residence() && !buffer->residence()->bring_in_reach()) {
        viaduct::UniqueFd nothing(::memfd_create("simgpu-out-of-reach", MFD_CLOEXEC));
        if (!nothing) return tl::unexpected(EMFILE);
        return MapSource{std::move(nothing), 0, buffer->size()};
    }
    viaduct::UniqueFd copy = viaduct::UniqueFd::duplicate_of(buffer->fd());
    if (!copy) return tl::unexpected(EMFILE);
    return MapSource{std::move(copy), inside, buffer->size()};
}

}  // namespace simgpu::amdgpu
