#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <vector>

#include "tests/unit/simgpu/intel/kernel/i915/fixture.h"

namespace simgpu::intel::i915 {
namespace {

class Contexts : public I915Test {
  protected:
    uint32_t create_vm() {
        drm_i915_gem_vm_control args{};
        EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_VM_CREATE, &args), 0);
        return args.vm_id;
    }
    int set_engines(uint32_t context, std::vector<i915_engine_class_instance> engines,
                    uint64_t extensions = 0) {
        std::vector<std::byte> data(sizeof(uint64_t) + engines.size() * sizeof(engines[0]));
        std::memcpy(data.data(), &extensions, sizeof(extensions));
        std::ranges::copy(std::as_bytes(std::span(engines)), data.begin() + sizeof(uint64_t));
        return set_param(context, I915_CONTEXT_PARAM_ENGINES,
                         reinterpret_cast<uintptr_t>(data.data()),
                         static_cast<uint32_t>(data.size()));
    }
};

constexpr i915_engine_class_instance kRender = {I915_ENGINE_CLASS_RENDER, 0};
constexpr i915_engine_class_instance kCopy = {I915_ENGINE_CLASS_COPY, 0};
constexpr i915_engine_class_instance kHole = {static_cast<uint16_t>(I915_ENGINE_CLASS_INVALID),
                                              static_cast<uint16_t>(-1)};

TEST_F(Contexts, AreNumberedFromTheLowest) {
    const uint32_t first = create_context(), second = create_context();
    EXPECT_EQ(first, 1u);
    EXPECT_EQ(second, 2u);
    drm_i915_gem_context_destroy args{first, 0};
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, &args), 0);
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, &args), -ENOENT);
    EXPECT_EQ(create_context(), first);
    args = {second, 1};
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, &args), -EINVAL);
    args = {0, 0};
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, &args), -ENOENT);
}

TEST_F(Contexts, ParametersAreChecked) {
    struct Case {
        uint64_t param, value;
        uint32_t size;
        int result;
    };
    const uint32_t context = create_context();
    for (const Case& one : {Case{I915_CONTEXT_PARAM_RECOVERABLE, 0, 0, 0},
                            Case{I915_CONTEXT_PARAM_RECOVERABLE, 0, 8, -EINVAL},
                            Case{I915_CONTEXT_PARAM_PRIORITY, static_cast<uint64_t>(-512), 0, 0},
                            Case{I915_CONTEXT_PARAM_PRIORITY, 1024, 0, -EINVAL},
                            Case{I915_CONTEXT_PARAM_SSEU, 0, 4, -EINVAL},
                            Case{I915_CONTEXT_PARAM_SSEU, 0, 40, -ENODEV},
                            Case{I915_CONTEXT_PARAM_VM, 77, 0, -ENOENT},
                            Case{I915_CONTEXT_PARAM_VM, 1ull << 32, 0, -ENOENT},
                            Case{I915_CONTEXT_PARAM_BAN_PERIOD, 0, 0, -EINVAL},
                            Case{I915_CONTEXT_PARAM_RINGSIZE, 4096, 0, -EINVAL},
                            Case{I915_CONTEXT_PARAM_PERSISTENCE, 0, 0, 0}})
        EXPECT_EQ(set_param(context, one.param, one.value, one.size), one.result) << one.param;
    EXPECT_EQ(set_param(99, I915_CONTEXT_PARAM_RECOVERABLE, 0), -ENOENT);
    drm_i915_gem_context_param args{};
    args.ctx_id = context;
    args.param = I915_CONTEXT_PARAM_PRIORITY;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_CONTEXT_GETPARAM, &args), 0);
    EXPECT_EQ(static_cast<int64_t>(args.value), -512);
    args.param = I915_CONTEXT_PARAM_GTT_SIZE;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_CONTEXT_GETPARAM, &args), 0);
    EXPECT_EQ(args.value, 1ull << 48);
}

TEST_F(Contexts, AreFixedAtTheirFirstUse) {
    const uint32_t context = create_context();
    EXPECT_EQ(set_param(context, I915_CONTEXT_PARAM_VM, create_vm()), 0);
    EXPECT_EQ(set_engines(context, {kRender, kCopy}), 0);
    EXPECT_EQ(set_engines(context, {kRender}), -EINVAL) << "twice";
    EXPECT_EQ(submit({object(create_batch(), kHigh)}, context), 0);
    EXPECT_EQ(set_param(context, I915_CONTEXT_PARAM_VM, create_vm()), -EINVAL);
    EXPECT_EQ(set_param(context, I915_CONTEXT_PARAM_RECOVERABLE, 0), 0);
}

TEST_F(Contexts, EnginesMustExist) {
    EXPECT_EQ(set_engines(create_context(), {{I915_ENGINE_CLASS_VIDEO, 2}}), -ENOENT);
    EXPECT_EQ(set_engines(create_context(), {{I915_ENGINE_CLASS_RENDER, 1}}), -ENOENT);
    EXPECT_EQ(set_engines(create_context(), std::vector(65, kRender)), -EINVAL);
    EXPECT_EQ(set_param(create_context(), I915_CONTEXT_PARAM_ENGINES, 0, 4), -EINVAL);
    i915_user_extension extension{};
    extension.name = I915_CONTEXT_ENGINES_EXT_BOND;
    EXPECT_EQ(set_engines(create_context(), {kRender}, reinterpret_cast<uintptr_t>(&extension)),
              -ENODEV);
    const uint32_t context = create_context();
    EXPECT_EQ(set_engines(context, {kHole, kCopy}), 0);
    std::vector<Object> objects = {object(create_batch(), kHigh)};
    for (const auto& [index, result] : {std::pair(0, -EINVAL), {1, 0}, {2, -EINVAL}}) {
        auto args = args_for(objects);
        args.flags |= static_cast<uint64_t>(index);
        args.rsvd1 = context;
        EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), result) << index;
    }
}

// An engine that is balanced over others takes a hole of the map.
TEST_F(Contexts, EnginesCanBeBalanced) {
    I915_DEFINE_CONTEXT_ENGINES_LOAD_BALANCE(balancer, 2){};
    balancer.num_siblings = 2;
    balancer.engines[0] = kCopy;
    balancer.engines[1] = kCopy;
    const auto balance = [&](std::vector<i915_engine_class_instance> engines) {
        return set_engines(create_context(), std::move(engines),
                           reinterpret_cast<uintptr_t>(&balancer));
    };
    EXPECT_EQ(balance({kRender, kHole}), -EEXIST);
    EXPECT_EQ(balance({}), -EINVAL) << "beyond the map";
    balancer.engines[1] = {I915_ENGINE_CLASS_VIDEO_ENHANCE, 7};
    EXPECT_EQ(balance({kHole}), -EINVAL) << "no such engine";
    balancer.engines[1] = kCopy;
    balancer.flags = 1;
    EXPECT_EQ(balance({kHole}), -EINVAL);
    balancer.flags = 0;

    const uint32_t context = create_context();
    EXPECT_EQ(set_engines(context, {kHole}, reinterpret_cast<uintptr_t>(&balancer)), 0);
    EXPECT_EQ(submit({object(create_batch(), kHigh)}, context), 0);
}

TEST_F(Contexts, AddressSpacesAreCountedAndShared) {
    drm_i915_gem_vm_control args{};
    args.flags = 1;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_VM_CREATE, &args), -EINVAL);
    args = {};
    args.vm_id = create_vm();
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_VM_DESTROY, &args), 0);
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_VM_DESTROY, &args), -ENOENT);
    drm_i915_gem_context_param param{};
    param.param = I915_CONTEXT_PARAM_VM;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_CONTEXT_GETPARAM, &param), 0);
    EXPECT_EQ(set_param(create_context(), I915_CONTEXT_PARAM_VM, param.value), 0);
}

}  // namespace
}  // namespace simgpu::intel::i915
