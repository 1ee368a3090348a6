#include "drm-context/device/restarted_ioctl.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include <dlfcn.h>
#include <cerrno>
#include <cstdarg>

#include "base/unique_fd.h"

namespace {

// A request that this program answers in the kernel's stead, and how.
constexpr unsigned long kRequest = 0x12345678;
int g_failures = 0;  // calls until it succeeds
int g_error = EAGAIN;
int g_calls = 0;

}  // namespace

extern "C" __attribute__((visibility("default"))) int ioctl(int fd, unsigned long request, ...) {
    va_list arguments;
    va_start(arguments, request);
    void* const argument = va_arg(arguments, void*);
    va_end(arguments);
    if (request == kRequest) {
        if (g_calls++ >= g_failures) return 0;
        errno = g_error;
        return -1;
    }
    using Ioctl = int (*)(int, unsigned long, ...);
    static const auto next = reinterpret_cast<Ioctl>(::dlsym(RTLD_NEXT, "ioctl"));
    return next(fd, request, argument);
}

namespace viaduct {
namespace {

using namespace std::chrono_literals;

class RestartedIoctl : public ::testing::TestWithParam<int> {
  protected:
    int call(int failures) {
        g_failures = failures;
        g_error = GetParam();
        g_calls = 0;
        return restarted_ioctl(-1, kRequest, nullptr, {.at_once = 10, .pause = 1ms, .most = 50ms});
    }
};

TEST_P(RestartedIoctl, IsRepeatedWhileItIsInterrupted) {
    EXPECT_EQ(call(9), 0);
    EXPECT_EQ(g_calls, 10);
}

TEST_P(RestartedIoctl, IsNotRepeatedForEver) {
    EXPECT_EQ(call(1'000'000'000), -GetParam());
    EXPECT_GT(g_calls, 10) << "once the first attempts are over, there are others";
    EXPECT_LE(g_calls, 10 + 50 + 1) << "with pauses between them";
}

INSTANTIATE_TEST_SUITE_P(By, RestartedIoctl, ::testing::Values(EINTR, EAGAIN));

TEST(RestartedIoctlError, IsTheKernels) {
    const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
    EXPECT_EQ(restarted_ioctl(event.get(), TIOCSCTTY, nullptr), -ENOTTY);
}

}  // namespace
}  // namespace viaduct
