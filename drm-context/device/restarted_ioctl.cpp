#include "drm-context/device/restarted_ioctl.h"

#include <sys/ioctl.h>

#include <cerrno>
#include <thread>

namespace viaduct {

int restarted_ioctl(int fd, unsigned long request, void* argument, const RestartLimits& limits) {
    using std::chrono::steady_clock;
    steady_clock::time_point give_up{};
    for (int attempt = 1;; ++attempt) {
        const int ret = ::ioctl(fd, request, argument);
        if (ret >= 0) return ret;
        if (errno != EINTR && errno != EAGAIN) return -errno;
        const int error = errno;
        const auto now = steady_clock::now();
        if (attempt == 1) give_up = now + limits.most;
        if (now >= give_up) return -error;
        if (attempt >= limits.at_once) std::this_thread::sleep_for(limits.pause);
    }
}

}  // namespace viaduct
