#include "tests/unit/drm-context/i915/fixture.h"

namespace viaduct::i915 {
namespace {

ContextLimits without_copies() {
    ContextLimits limits;
    limits.queues[static_cast<size_t>(QueueClass::kCopy)] = 0;
    limits.vm_memory = 64 << 20;
    return limits;
}

class Queries : public I915ContextTest {
  protected:
    explicit Queries(const ContextLimits& limits = ContextLimits()) : I915ContextTest(limits) {}

    w::QueryParamResponse query(uint32_t id, uint32_t length, uint32_t flags = 0) {
        w::QueryParamRequest request{};
        request.query_id = id;
        request.length = length;
        request.flags = flags;
        return ask<w::QueryParamResponse>(w::Command::kQueryParam, request);
    }
    template <typename T>
    T answer(size_t offset) {
        T value;
        std::memcpy(&value, response_area() + sizeof(w::QueryParamResponse) + offset,
                    sizeof(value));
        return value;
    }
};
class LimitedQueries : public Queries {
  protected:
    LimitedQueries() : Queries(without_copies()) {}
};

TEST_F(Queries, ParametersAreTheKernels) {
    struct Case {
        uint32_t param;
        int32_t ret;
        uint32_t value;
    };
    for (const Case& one :
         {Case{I915_PARAM_CHIPSET_ID, 0, 0x9a49}, Case{I915_PARAM_MMAP_GTT_VERSION, 0, 4},
          Case{9999, EINVAL, UINT32_MAX}, Case{UINT32_MAX, EINVAL, UINT32_MAX}}) {
        w::GetParamRequest request{};
        request.param = one.param;
        const auto answer = ask<w::GetParamResponse>(w::Command::kGetParam, request);
        EXPECT_EQ(answer.ret, one.ret) << one.param;
        EXPECT_EQ(answer.value, one.value) << one.param;
    }
}

TEST_F(Queries, LengthsAreAskedForAndKept) {
    EXPECT_EQ(query(DRM_I915_QUERY_TOPOLOGY_INFO, 0).length, 30);
    EXPECT_EQ(query(DRM_I915_QUERY_TOPOLOGY_INFO, 30).length, 30);
    EXPECT_EQ(answer<drm_i915_query_topology_info>(0).max_subslices, 6);
    EXPECT_EQ(query(DRM_I915_QUERY_TOPOLOGY_INFO, 29).length, -EINVAL);
    EXPECT_EQ(query(DRM_I915_QUERY_PERF_CONFIG, 0).length, -ENODEV);
    EXPECT_EQ(query(0, 0).length, -EINVAL);
}

TEST_F(Queries, AnswersLargerThanTheRoomAreRefusedBeforeAnyMemoryIsTaken) {
    for (const uint32_t length : {0x4000u, 0x7fffffffu, 0x80000000u, 0xffffffffu, 0xfffffff8u})
        EXPECT_EQ(query(DRM_I915_QUERY_ENGINE_INFO, length).ret, EINVAL) << length;
}

TEST_F(Queries, AllEnginesAreShown) {
    EXPECT_EQ(query(DRM_I915_QUERY_ENGINE_INFO, 0).length, 296);
    EXPECT_EQ(query(DRM_I915_QUERY_ENGINE_INFO, 296).length, 296);
    EXPECT_EQ(answer<drm_i915_query_engine_info>(0).num_engines, 5u);
    constexpr size_t kThird = sizeof(drm_i915_query_engine_info) + 2 * sizeof(drm_i915_engine_info);
    EXPECT_NE(answer<drm_i915_engine_info>(kThird).capabilities, 0u) << "of a video engine";
}

TEST_F(LimitedQueries, EnginesBeyondTheBudgetDoNotExist) {
    EXPECT_EQ(query(DRM_I915_QUERY_ENGINE_INFO, 0).length, 240);
    EXPECT_EQ(query(DRM_I915_QUERY_ENGINE_INFO, 240).length, 240);
    EXPECT_EQ(answer<drm_i915_query_engine_info>(0).num_engines, 4u);
    EXPECT_EQ(query(DRM_I915_QUERY_ENGINE_INFO, 239).length, -EINVAL);
    create_batch(1);
    auto blit = submission(1);
    blit.flags |= I915_EXEC_BLT;
    EXPECT_EQ(submit(blit, {object(1, kHigh)}), EINVAL);
    EXPECT_EQ(submit(1), 0);
}

TEST_F(LimitedQueries, MemoryIsTheBudgets) {
    constexpr size_t kRegion = sizeof(drm_i915_query_memory_regions);
    EXPECT_EQ(query(DRM_I915_QUERY_MEMORY_REGIONS, 104).length, 104);
    EXPECT_EQ(answer<drm_i915_memory_region_info>(kRegion).probed_size, 64u << 20);
    EXPECT_TRUE(gem_create(1, 16 << 20));
    EXPECT_EQ(query(DRM_I915_QUERY_MEMORY_REGIONS, 104).length, 104);
    EXPECT_EQ(answer<drm_i915_memory_region_info>(kRegion).unallocated_size, 48u << 20);
    EXPECT_FALSE(gem_create(2, 64 << 20)) << "beyond the budget";
    drm_i915_gem_get_aperture aperture{};
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_GET_APERTURE, aperture), 0);
    EXPECT_EQ(aperture.aper_size, 64u << 20);
}

}  // namespace
}  // namespace viaduct::i915
