// ioctl() as drivers call it: again, when it was interrupted.
#pragma once

#include <cerrno>
#include <chrono>

namespace viaduct {

/// How long a call is repeated that ends with EINTR or EAGAIN. Neither is an answer: a signal came
/// in between, or (amdgpu_cs.c, amdgpu_cs_submit()) pages of a buffer were moved.
struct RestartLimits {
    /// Repeated at once so often; then with a pause, so that a kernel which never gets any further
    /// costs no processor.
    int at_once = 100;
    std::chrono::milliseconds pause{1};
    /// An interrupted wait begins anew each time, so this is the longest that one may take: a
    /// compute job's time-out (60 s, docs/isolation.md), and as much again as the watchdog adds.
    std::chrono::milliseconds most{70'000};
};

/// Decides whether an interrupted call is repeated once more. One per call.
class Restarts {
  public:
    explicit Restarts(const RestartLimits& limits) : limits_(limits) {}
    /// False beyond the limits; pauses if it is time for that.
    bool again();

  private:
    const RestartLimits limits_;
    std::chrono::steady_clock::time_point give_up_{};
    int attempts_ = 0;
};

/// Repeats any call that returns a negative errno, as restarted_ioctl() repeats ioctl().
template <typename Call>
int restarted(Call call, const RestartLimits& limits = {}) {
    for (Restarts restarts(limits);;) {
        const int ret = call();
        if ((ret != -EINTR && ret != -EAGAIN) || !restarts.again()) return ret;
    }
}

/// 0 or the call's positive result; -errno, with EINTR and EAGAIN only beyond the limits.
int restarted_ioctl(int fd, unsigned long request, void* argument,
                    const RestartLimits& limits = {});

}  // namespace viaduct
