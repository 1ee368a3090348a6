// The host's results as the ioctls return them.
#include <gtest/gtest.h>
#include <i915_drm.h>

#include <cerrno>
#include <cstdint>

#include "guest-mesa/layer/open_node.h"
#include "guest-mesa/layer/request.h"
#include "tests/unit/guest-mesa/layer/fake_host.h"
#include "wire/i915.h"

namespace viaduct::guest::i915 {
namespace {

TEST(HostResults, AreErrnosOfEitherSign) {
    EXPECT_EQ(error_of(0), 0);
    EXPECT_EQ(error_of(EINVAL), -EINVAL);
    EXPECT_EQ(error_of(-EINVAL), -EINVAL);
}

TEST(HostResults, OfAHostileHostAreErrorsToo) {
    for (const int32_t ret : {INT32_MIN, INT32_MAX, 4096, -4096}) EXPECT_EQ(error_of(ret), -EIO);
}

TEST(HostResults, OfI915AreNeverTakenForSuccess) {
    test::FakeHost host;
    host.capset.context_type = viaduct::wire::ContextType::kI915;
    OpenNode node(host.capset, *find_driver(host.capset.context_type));
    const Channel channel{host, 7};
    constexpr auto kCommand = static_cast<uint32_t>(viaduct::wire::i915::Command::kIoctlSimple);
    for (const int32_t ret : {EINVAL, -EINVAL, INT32_MIN, INT32_MAX}) {
        host.results[kCommand] = ret;
        drm_i915_reg_read arg{0x2358, 0};
        EXPECT_LT(node.ioctl(channel, DRM_IOCTL_I915_REG_READ, &arg), 0) << ret;
    }
    host.results[kCommand] = 0;
    drm_i915_reg_read arg{0x2358, 0};
    EXPECT_EQ(node.ioctl(channel, DRM_IOCTL_I915_REG_READ, &arg), 0);
}

}  // namespace
}  // namespace viaduct::guest::i915
