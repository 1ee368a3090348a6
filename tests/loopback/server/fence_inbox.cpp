#include "tests/loopback/server/fence_inbox.h"

#include <sys/eventfd.h>

namespace viaduct::loopback {

Result<UniqueFd> FenceInbox::create_wakeup() {
    UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd) return fail(errno, "cannot create an eventfd");
    return fd;
}

void FenceInbox::push(const RetiredFence& fence) {
    const std::lock_guard lock(mutex_);
    fences_.push_back(fence);
    if (fences_.size() == 1) ::eventfd_write(wakeup_.get(), 1);
}

std::vector<RetiredFence> FenceInbox::take() {
    const std::lock_guard lock(mutex_);
    if (fences_.empty()) return {};
    eventfd_t count;
    ::eventfd_read(wakeup_.get(), &count);
    return std::exchange(fences_, {});
}

}  // namespace viaduct::loopback
