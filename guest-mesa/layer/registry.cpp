#include "guest-mesa/layer/registry.h"

#include <drm.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/node_probe.h"

namespace viaduct::guest {

namespace {

constexpr unsigned kDrmMajor = 226;  // DRM_MAJOR of the kernel

/// What a child may not do with its parent's context: everything that the context would notice.
bool needs_context(unsigned long request) {
    const auto number = static_cast<unsigned>(_IOC_NR(request));
    return (number >= DRM_COMMAND_BASE && number < DRM_COMMAND_END) ||
           number == _IOC_NR(DRM_IOCTL_VERSION) || number == _IOC_NR(DRM_IOCTL_GEM_CLOSE);
}

std::atomic_ref<uint8_t> flag(uint8_t& byte) {
    return std::atomic_ref<uint8_t>(byte);
}

}  // namespace

Registry::Registry(Kernel& kernel, Descriptors& descriptors)
    : kernel_(kernel),
      descriptors_(descriptors),
      process_(::getpid()),
      known_(static_cast<uint8_t*>(std::calloc(kMaxFds, 1))) {}

bool Registry::is_own_process() const {
    return ::getpid() == process_.load(std::memory_order_relaxed);
}

bool Registry::is_known(int fd) const {
    return known_ && fd >= 0 && fd < kMaxFds && flag(known_[static_cast<size_t>(fd)]).load() != 0;
}

/// Caller holds the mutex, as for all below that touch slots_.
void Registry::set_slot(int fd, Slot slot) {
    if (!known_ || fd < 0 || fd >= kMaxFds) return;
    slots_[fd] = std::move(slot);
    flag(known_[static_cast<size_t>(fd)]).store(1);
}

void Registry::drop_slot(int fd) {
    if (fd < 0 || fd >= kMaxFds) return;
    slots_.erase(fd);
    flag(known_[static_cast<size_t>(fd)]).store(0);
}

Registry::Slot Registry::recognise(int fd, const Descriptors::Identity& identity) {
    for (const auto& [other, slot] : slots_) {
        if (slot.kind != Kind::kForeign && slot.identity == identity &&
            descriptors_.same_file(fd, other))
            return slot;
    }
    Slot slot{identity, Kind::kForeign, nullptr};
    if (const auto capset = probe_node({kernel_, fd})) {
        const DriverRow& driver = *find_driver(capset->context_type);
        slot.kind = Kind::kNode;
        slot.node = std::make_shared<OpenNode>(*capset, driver);
        if (debug_enabled())
            print_line(fmt::format("descriptor {} is a virtio-gpu node; playing {} {}.{}.{}", fd,
                                   driver.name, capset->version_major, capset->version_minor,
                                   capset->version_patchlevel));
    }
    return slot;
}

Registry::Slot Registry::find_slot(int fd) {
    const auto identity = descriptors_.identity(fd);
    if (!identity || major(identity->node) != kDrmMajor) return {};
    const std::lock_guard lock(mutex_);
    const auto known = slots_.find(fd);
    // Another file behind the number: it was closed in a way that we did not see.
    if (known != slots_.end() && known->second.identity == *identity) return known->second;
    Slot slot = recognise(fd, *identity);
    set_slot(fd, slot);
    return slot;
}

int Registry::ioctl(int fd, unsigned long request, void* argument) {
    if (_IOC_TYPE(request) != DRM_IOCTL_BASE || !is_own_process())
        return kernel_.ioctl(fd, request, argument);
    const Slot slot = find_slot(fd);
    if (slot.kind == Kind::kInherited && needs_context(request)) return -ENODEV;
    if (slot.kind != Kind::kNode) return kernel_.ioctl(fd, request, argument);
    return slot.node->ioctl({kernel_, fd}, request, argument);
}

void Registry::forget(int fd) {
    if (!is_known(fd) || !is_own_process()) return;
    const std::lock_guard lock(mutex_);
    drop_slot(fd);
}

void Registry::forget_range(unsigned first, unsigned last) {
    if (!is_own_process()) return;
    const std::lock_guard lock(mutex_);
    for (auto slot = slots_.begin(); slot != slots_.end();) {
        const int fd = (slot++)->first;
        if (static_cast<unsigned>(fd) >= first && static_cast<unsigned>(fd) <= last) drop_slot(fd);
    }
}

void Registry::copied(int original, int copy) {
    if (original == copy || !is_known(original) || !is_own_process()) return;
    const std::lock_guard lock(mutex_);
    const auto slot = slots_.find(original);
    if (slot != slots_.end()) set_slot(copy, slot->second);
}

void Registry::after_fork_in_child() {
    process_.store(::getpid());
    for (auto& [fd, slot] : slots_) {
        if (slot.kind != Kind::kNode) continue;
        slot.kind = Kind::kInherited;
        // Not destroyed: its locks may be held by threads that this process does not have.
        [[maybe_unused]] auto* abandoned = new std::shared_ptr<OpenNode>(std::move(slot.node));
    }
    mutex_.unlock();
}

}  // namespace viaduct::guest
