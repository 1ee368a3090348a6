#include "drm-context/device/restarted_ioctl.h"

#include <sys/ioctl.h>

#include <thread>

namespace viaduct {

bool Restarts::again() {
    const auto now = std::chrono::steady_clock::now();
    if (++attempts_ == 1) give_up_ = now + limits_.most;
    if (now >= give_up_) return false;
    if (attempts_ >= limits_.at_once) std::this_thread::sleep_for(limits_.pause);
    return true;
}

int restarted_ioctl(int fd, unsigned long request, void* argument, const RestartLimits& limits) {
    return restarted(
        [&] {
            const int ret = ::ioctl(fd, request, argument);
            return ret < 0 ? -errno : ret;
        },
        limits);
}

}  // namespace viaduct
