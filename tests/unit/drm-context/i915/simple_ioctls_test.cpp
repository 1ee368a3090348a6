#include "simgpu/inject.h"
#include "tests/unit/drm-context/i915/fixture.h"

namespace viaduct::i915 {
namespace {

class SimpleIoctls : public I915ContextTest {
  protected:
    drm_i915_gem_context_param param(uint64_t which, uint64_t value = 0, uint32_t size = 0) {
        drm_i915_gem_context_param param{};
        param.param = which;
        param.value = value;
        param.size = size;
        return param;
    }
};

TEST_F(SimpleIoctls, OnlyThoseOfTheTableAreMade) {
    struct Case {
        const char* what;
        uint32_t cmd;
        uint32_t payload;
    };
    const auto with_size = [](uint32_t cmd, uint32_t size) {
        return (cmd & ~(0x3fffu << 16)) | size << 16;
    };
    for (const Case& one :
         {Case{"another ioctl", DRM_IOCTL_I915_GEM_USERPTR, 24},
          Case{"another size", with_size(DRM_IOCTL_I915_REG_READ, 24), 24},
          Case{"another direction", DRM_IOCTL_I915_GEM_SET_TILING & ~IOC_OUT, 16},
          Case{"a size beyond all", with_size(DRM_IOCTL_I915_REG_READ, 4096), 4096},
          Case{"too little", DRM_IOCTL_I915_REG_READ, 12},
          Case{"too much", DRM_IOCTL_I915_REG_READ, 20}, Case{"none", 0, 0}}) {
        w::IoctlSimpleRequest head{};
        head.cmd = one.cmd;
        const std::vector<std::byte> payload(one.payload);
        EXPECT_FALSE(run(make(w::Command::kIoctlSimple, head, payload))) << one.what;
    }
}

TEST_F(SimpleIoctls, TheArgumentComesBackAsTheKernelLeftIt) {
    drm_i915_reg_read reg{};
    reg.offset = 0x2358;
    EXPECT_EQ(simple(DRM_IOCTL_I915_REG_READ, reg), 0);
    EXPECT_NE(reg.val, 0u);
    reg.offset = 0x2360;
    EXPECT_EQ(simple(DRM_IOCTL_I915_REG_READ, reg), EINVAL) << "errnos are positive";
}

TEST_F(SimpleIoctls, HandlesAreResources) {
    create_batch(7);
    drm_i915_gem_set_tiling tiling{7, I915_TILING_X, 512, 0};
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_SET_TILING, tiling), 0);
    EXPECT_EQ(tiling.handle, 7u) << "the guest sees its own number";
    tiling = {1, I915_TILING_X, 512, 0};
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_SET_TILING, tiling), EINVAL) << "the kernel's handle";
    drm_i915_gem_set_domain domain{1, I915_GEM_DOMAIN_CPU, 0};
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_SET_DOMAIN, domain), EINVAL);
    domain.handle = 7;
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_SET_DOMAIN, domain), 0);
}

TEST_F(SimpleIoctls, ABusyBufferHoldsNobodyUp) {
    create_batch(7);
    simgpu::set_injection(simgpu::parse_injection("slow:ms=2000").value());
    ASSERT_EQ(submit(7), 0);
    drm_i915_gem_set_domain domain{7, I915_GEM_DOMAIN_CPU, I915_GEM_DOMAIN_CPU};
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_SET_DOMAIN, domain), EBUSY);
    simgpu::set_injection({});
}

TEST_F(SimpleIoctls, ParametersOfContextsAreNumbers) {
    for (const uint64_t refused :
         {I915_CONTEXT_PARAM_BAN_PERIOD, I915_CONTEXT_PARAM_SSEU, I915_CONTEXT_PARAM_ENGINES,
          I915_CONTEXT_PARAM_BANNABLE, I915_CONTEXT_PARAM_PERSISTENCE}) {
        auto arg = param(refused);
        EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_GETPARAM, arg), EINVAL) << refused;
        EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM, arg), EINVAL) << refused;
    }
    auto sized = param(I915_CONTEXT_PARAM_RECOVERABLE, 0x1000, 8);
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM, sized), EINVAL) << "a pointer";
    auto gtt = param(I915_CONTEXT_PARAM_GTT_SIZE);
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_GETPARAM, gtt), 0);
    EXPECT_EQ(gtt.value, 1ull << 48);
}

TEST_F(SimpleIoctls, PrioritiesEndAtNormal) {
    struct Case {
        int64_t wanted;
        int32_t result;
    };
    for (const Case& one : {Case{1, EPERM}, Case{512, EPERM}, Case{0, 0}, Case{-512, 0}}) {
        auto arg = param(I915_CONTEXT_PARAM_PRIORITY, static_cast<uint64_t>(one.wanted));
        EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM, arg), one.result) << one.wanted;
    }
    auto arg = param(I915_CONTEXT_PARAM_PRIORITY);
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_GETPARAM, arg), 0);
    EXPECT_EQ(static_cast<int64_t>(arg.value), -512);
}

// anv tries every priority at every start.
TEST_F(SimpleIoctls, ARefusedPriorityIsAnAnswerAndNoError) {
    w::IoctlSimpleRequest head{};
    head.cmd = DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM;
    const auto set = [&](drm_i915_gem_context_param arg) {
        return run(make(w::Command::kIoctlSimple, head, std::as_bytes(std::span(&arg, 1))));
    };
    EXPECT_TRUE(set(param(I915_CONTEXT_PARAM_PRIORITY, 512)));
    EXPECT_EQ(response<w::IoctlSimpleResponse>().ret, EPERM);
    EXPECT_FALSE(set(param(I915_CONTEXT_PARAM_SSEU))) << "not a guest's to set";
}

TEST_F(SimpleIoctls, AddressSpacesHaveNoExtensionsAndAnEnd) {
    drm_i915_gem_vm_control vm{};
    vm.extensions = 0x1000;
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_VM_CREATE, vm), EINVAL);
    vm = {};
    vm.flags = 1;
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_VM_CREATE, vm), EINVAL);
    int32_t result = 0;
    int made = 0;
    for (; result == 0 && made < 5000; ++made) {
        vm = {};
        result = simple(DRM_IOCTL_I915_GEM_VM_CREATE, vm);
    }
    EXPECT_EQ(result, ENOSPC);
    vm = {};
    vm.vm_id = 1;
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_VM_DESTROY, vm), 0);
    vm = {};
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_VM_CREATE, vm), 0);
}

TEST_F(SimpleIoctls, ContextsHaveAnEnd) {
    drm_i915_gem_context_create create{};
    int32_t result = 0;
    for (int made = 0; result == 0 && made < 5000; ++made)
        result = simple(DRM_IOCTL_I915_GEM_CONTEXT_CREATE, create);
    EXPECT_EQ(result, ENOSPC);
    drm_i915_gem_context_destroy destroy{1, 0};
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, destroy), 0);
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, destroy), ENOENT);
    destroy = {0, 0};
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, destroy), ENOENT);
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_CREATE, create), 0);
}

TEST_F(SimpleIoctls, ResetsOfOthersDoNotShow) {
    drm_i915_reset_stats stats{};
    EXPECT_EQ(simple(DRM_IOCTL_I915_GET_RESET_STATS, stats), 0);
    EXPECT_EQ(stats.reset_count, 0u);
    stats.ctx_id = 99;
    EXPECT_EQ(simple(DRM_IOCTL_I915_GET_RESET_STATS, stats), ENOENT);
}

}  // namespace
}  // namespace viaduct::i915
