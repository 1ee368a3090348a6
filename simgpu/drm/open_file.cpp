#include "simgpu/drm/open_file.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include "simgpu/drm/core.h"
#include "simgpu/drm/runtime_pm.h"
#include "simgpu/inject.h"
#include "simgpu/sync/drm_uapi.h"

namespace simgpu::drm {

namespace {

bool is_interruptible(const Driver& driver, unsigned number) {
    const auto is_it = [number](unsigned long request) {
        return static_cast<unsigned>(_IOC_NR(request)) == number;
    };
    return is_it(DRM_IOCTL_SYNCOBJ_WAIT) || is_it(DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT) ||
           std::ranges::any_of(driver.interruptible, is_it);
}

/// An ioctl as the dispatcher sees it, whichever table lists it.
struct Target {
    unsigned direction = 0;  // _IOC_READ, _IOC_WRITE
    size_t size = 0;
    int (*handler)(OpenFile&, void*) = nullptr;  // null: a syncobj ioctl
};

std::optional<Target> find_target(const Driver& driver, unsigned number) {
    if (const size_t size = syncobj_ioctl_size(number))
        return Target{_IOC_READ | _IOC_WRITE, size, nullptr};
    for (const std::span<const IoctlEntry> table : {core_ioctls(), driver.ioctls}) {
        const auto found = std::ranges::find(table, number, [](const IoctlEntry& entry) {
            return static_cast<unsigned>(_IOC_NR(entry.request));
        });
        if (found != table.end())
            return Target{static_cast<unsigned>(_IOC_DIR(found->request)),
                          _IOC_SIZE(found->request), found->handler};
    }
    return std::nullopt;
}

/// The kernel's name for this process. Serves as the client's name until it sets one.
std::string process_name() {
    std::string name;
    std::ifstream("/proc/self/comm") >> name;
    return name.empty() ? "unknown" : name;
}

}  // namespace

OpenFile::OpenFile(const Driver& driver, std::shared_ptr<shared::SharedDevice> device,
                   viaduct::UniqueFd stand_in)
    : driver_(driver),
      device_(std::move(device)),
      stand_in_(std::move(stand_in)),
      client_(std::make_shared<sched::Client>(device_->next_client_id(), process_name())) {}

int OpenFile::ioctl(unsigned long request, void* argument) {
    wake_device(*device_);
    if (_IOC_TYPE(request) != DRM_IOCTL_BASE) return -ENOTTY;
    const auto number = static_cast<unsigned>(_IOC_NR(request));
    const std::optional<Target> target = find_target(driver_, number);
    if (!target) return -EINVAL;
    // drm_ioctl(): bytes of the argument beyond our size are ignored, missing ones are zero, and
    // the caller gets back as many as it passed.
    const size_t user_size = _IOC_SIZE(request);
    const unsigned direction = static_cast<unsigned>(_IOC_DIR(request)) & target->direction;
    if (!argument && user_size != 0 && direction != 0) return -EFAULT;
    if (is_interruptible(driver_, number)) {
        const bool submission = number == _IOC_NR(driver_.submission);
        if (const int error = inject_into_ioctl(submission, client_name())) return error;
    }
    std::vector<uint64_t> copy((std::max(user_size, target->size) + 7) / 8);
    if (direction & _IOC_WRITE) std::memcpy(copy.data(), argument, user_size);
    const int result = target->handler ? target->handler(*this, copy.data())
                                       : syncobjs_.ioctl(number, copy.data());
    if (direction & _IOC_READ) std::memcpy(argument, copy.data(), user_size);
    return result;
}

tl::expected<MapSource, int> OpenFile::map_source(uint64_t mmap_offset) {
    uint64_t inside = 0;
    const BufferPtr buffer = buffers_.find_offset(mmap_offset, &inside);
    if (!buffer) return tl::unexpected(EINVAL);
    if (const int error = may_map(*buffer)) return tl::unexpected(-error);
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

void OpenFile::set_client_name(const std::string& name) {
    const viaduct::LockGuard lock(name_mutex_);
    has_own_name_ = !name.empty();
    client_->set_name(has_own_name_ ? name : process_name());
}

std::string OpenFile::client_lines() const {
    std::string text =
        fmt::format("drm-driver:\t{}\ndrm-client-id:\t{}\n", driver_.name, client_->id());
    const viaduct::LockGuard lock(name_mutex_);
    if (has_own_name_) text += fmt::format("drm-client-name:\t{}\n", client_->name());
    return text;
}

}  // namespace simgpu::drm
