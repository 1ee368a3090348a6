#include "tests/unit/drm-context/i915/fixture.h"

namespace viaduct::i915 {
namespace {

using Bytes = std::vector<std::byte>;
using Record = drm_i915_gem_context_create_ext_setparam;

ContextLimits low_priority() {
    ContextLimits limits;
    limits.priority = PriorityCeiling::kLow;
    return limits;
}

class GemContexts : public I915ContextTest {
  protected:
    explicit GemContexts(const ContextLimits& limits = ContextLimits()) : I915ContextTest(limits) {}

    static Bytes record(uint64_t param, uint64_t value, const Bytes& data = {}) {
        Record record{};
        record.base.next_extension = 0xdeadbeef;  // guests' pointers mean nothing
        record.param.param = param;
        record.param.value = value;
        record.param.size = static_cast<uint32_t>(data.size());
        Bytes bytes;
        append(bytes, &record, sizeof(record));
        append(bytes, data.data(), data.size());
        return bytes;
    }
    static Bytes engines(std::vector<i915_engine_class_instance> list, uint64_t extensions = 0) {
        Bytes data;
        append(data, &extensions, sizeof(extensions));
        append(data, list.data(), list.size() * sizeof(list[0]));
        return record(I915_CONTEXT_PARAM_ENGINES, 0xdeadbeef, data);
    }
    int64_t priority_of(uint32_t id) {
        drm_i915_gem_context_param arg{};
        arg.ctx_id = id;
        arg.param = I915_CONTEXT_PARAM_PRIORITY;
        EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_GETPARAM, arg), 0);
        return static_cast<int64_t>(arg.value);
    }
};
class LowContexts : public GemContexts {
  protected:
    LowContexts() : GemContexts(low_priority()) {}
};

TEST_F(GemContexts, ParametersAreRebuilt) {
    Bytes all = record(I915_CONTEXT_PARAM_RECOVERABLE, 0);
    const Bytes map = engines({{I915_ENGINE_CLASS_COPY, 0}, {I915_ENGINE_CLASS_RENDER, 0}});
    append(all, map.data(), map.size());
    const auto answer = create_gem_context(all);
    EXPECT_EQ(answer.ret, 0);
    EXPECT_EQ(answer.ctx_id, 1u);
    create_batch(1);
    auto request = submission(1, answer.ctx_id);
    for (const auto& [index, result] : {std::pair(0, 0), {1, 0}, {2, EINVAL}, {63, EINVAL}}) {
        request.flags = I915_EXEC_NO_RELOC | static_cast<uint64_t>(index);
        EXPECT_EQ(submit(request, {object(1, kHigh)}), result) << index;
    }
}

TEST_F(GemContexts, BrokenParametersAreRefused) {
    struct Case {
        const char* what;
        int32_t result;
        Bytes bytes;
    };
    const auto with = [](Bytes bytes, auto change) {
        Record record{};
        std::memcpy(&record, bytes.data(), sizeof(record));
        change(record);
        std::memcpy(bytes.data(), &record, sizeof(record));
        return bytes;
    };
    const Bytes plain = record(I915_CONTEXT_PARAM_RECOVERABLE, 0);
    const Case cases[] = {
        {"a part of a record", EINVAL, Bytes(52)},
        {"a clone", EINVAL,
         with(plain, [](Record& r) { r.base.name = I915_CONTEXT_CREATE_EXT_CLONE; })},
        {"BAN_PERIOD", EINVAL, record(I915_CONTEXT_PARAM_BAN_PERIOD, 0)},
        {"RINGSIZE", EINVAL, record(I915_CONTEXT_PARAM_RINGSIZE, 4096)},
        {"a number with data", EINVAL, record(I915_CONTEXT_PARAM_RECOVERABLE, 0, Bytes(8))},
        {"an odd size", EINVAL,
         with(record(I915_CONTEXT_PARAM_SSEU, 0, Bytes(12)), [](Record& r) { r.param.size = 10; })},
        {"a size beyond the bound", EINVAL, record(I915_CONTEXT_PARAM_ENGINES, 0, Bytes(132))},
        {"a size beyond what came", EINVAL,
         with(plain,
              [](Record& r) {
                  r.param.param = I915_CONTEXT_PARAM_ENGINES;
                  r.param.size = 64;
              })},
        {"a priority", EPERM, record(I915_CONTEXT_PARAM_PRIORITY, 1)},
        {"a ban that never comes", EPERM, record(I915_CONTEXT_PARAM_BANNABLE, 0)},
        {"engines with extensions", EINVAL, engines({{I915_ENGINE_CLASS_RENDER, 0}}, 0x1000)},
        {"engines without a head", EINVAL, record(I915_CONTEXT_PARAM_ENGINES, 0x1000)},
        {"an engine that there is none of", ENOENT, engines({{I915_ENGINE_CLASS_VIDEO, 2}})},
        {"an address space of nobody (the kernel's answer)", ENOENT,
         record(I915_CONTEXT_PARAM_VM, 77)},
        {"SSEU without data (the kernel's answer)", EINVAL,
         record(I915_CONTEXT_PARAM_SSEU, 0x1000)},
    };
    for (const Case& one : cases)
        EXPECT_EQ(create_gem_context(one.bytes).ret, one.result) << one.what;
    w::GemContextCreateRequest request{};
    request.flags = 4;
    EXPECT_EQ(ask<w::GemContextCreateResponse>(w::Command::kGemContextCreate, request).ret, EINVAL);
    request.flags = 0;
    request.params_size = UINT32_MAX - 3;
    EXPECT_EQ(ask<w::GemContextCreateResponse>(w::Command::kGemContextCreate, request).ret, EINVAL);
    EXPECT_EQ(create_gem_context(plain).ctx_id, 1u) << "none of them made a context";
}

TEST_F(LowContexts, ContextsAreMadeWithThePriorityThatTheVmHas) {
    EXPECT_EQ(priority_of(0), -512);
    EXPECT_EQ(create_gem_context(record(I915_CONTEXT_PARAM_PRIORITY, 0)).ret, 0);
    EXPECT_EQ(priority_of(1), -512);
    drm_i915_gem_context_create create{};
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_CREATE, create), 0);
    EXPECT_EQ(priority_of(create.ctx_id), -512);
}

}  // namespace
}  // namespace viaduct::i915
