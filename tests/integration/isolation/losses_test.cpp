// A guest that loses one context after the other: what it may learn from that, and how often.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/isolation/workers.h"

namespace viaduct::test {
namespace {

constexpr uint32_t kContext = 7;

/// Makes a context, and kills its worker. False if there is no context.
bool lose_one(Vmm& vmm) {
    const std::string name = unique_name("lo");
    const size_t before = vmm.losses_of(kContext);
    if (virgl_renderer_context_create_with_flags(kContext, VIRTGPU_DRM_CAPSET_DRM,
                                                 static_cast<uint32_t>(name.size()),
                                                 name.c_str()) != 0)
        return false;
    // One that is killed before its first word would be started again.
    const uint64_t fence = vmm.next_fence_id();
    EXPECT_EQ(virgl_renderer_context_create_fence(kContext, 0, 0, fence), 0);
    EXPECT_TRUE(vmm.wait_fence(fence));
    ::kill(worker_of(name), SIGKILL);
    EXPECT_TRUE(eventually([&] { return vmm.losses_of(kContext) > before; }));
    virgl_renderer_context_destroy(kContext);
    return true;
}

TEST(Renewal, ComesAfterSomeLosses) {
    Vmm vmm;
    const std::string name = unique_name("re");
    const GuestContext stays(vmm, 1, GuestContext::Control::kCreate, name);
    const pid_t zygote = parent_of(worker_of(name));
    pid_t next = zygote;
    for (int i = 0; i < 80 && next == zygote; ++i) {
        ASSERT_TRUE(lose_one(vmm));
        const std::string new_name = unique_name("re");
        const GuestContext guest(vmm, 2, GuestContext::Control::kCreate, new_name);
        next = parent_of(worker_of(new_name));
    }
    EXPECT_NE(next, zygote) << "else all workers have the same addresses, for ever";
    EXPECT_EQ(parent_of(worker_of(name)), zygote) << "a context that is well stays where it is";
    EXPECT_EQ(vmm.losses_of(1), 0u);
}

// 30 a minute.
TEST(Losses, AreLimited) {
    Vmm vmm;
    GuestContext stays(vmm, 1);
    int lost = 0;
    while (lost < 200 && lose_one(vmm)) ++lost;
    EXPECT_GE(lost, 30);
    EXPECT_LT(lost, 200) << "one every 300 ms would be more than 30 a minute, even so";
    EXPECT_TRUE(vmm.wait_log("at most 30 per minute")) << vmm.log_text();
    EXPECT_TRUE(stays.settle());
    EXPECT_TRUE(eventually([&] {
        return virgl_renderer_context_create_with_flags(kContext, VIRTGPU_DRM_CAPSET_DRM, 1, "x") ==
               0;
    })) << "it passes";
    virgl_renderer_context_destroy(kContext);
}

}  // namespace
}  // namespace viaduct::test
