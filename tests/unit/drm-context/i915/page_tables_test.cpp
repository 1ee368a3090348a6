// The kernel's page tables are memory of the guest's.
#include "tests/unit/drm-context/i915/fixture.h"

namespace viaduct::i915 {
namespace {

constexpr uint64_t kTable = 4096;
constexpr uint64_t kReach = 2 << 20;

class PageTablesTest : public I915ContextTest {
  protected:
    explicit PageTablesTest(const ContextLimits& limits = ContextLimits())
        : I915ContextTest(limits) {
        create_batch(21);
        create_batch(22);
        buffers_ = use();
    }
    uint64_t use() { return context_->account().memory_use().total(); }
    uint64_t tables() { return (use() - buffers_) / kTable; }
    int32_t submit_at(uint32_t id, uint64_t address, uint32_t gem_context = 0) {
        return submit(submission(1, gem_context), {object(id, address)});
    }
    uint32_t context_in(uint64_t vm) {
        drm_i915_gem_context_create_ext_setparam record{};
        record.param.param = I915_CONTEXT_PARAM_VM;
        record.param.value = vm;
        return create_gem_context(std::as_bytes(std::span(&record, 1))).ctx_id;
    }
    uint64_t buffers_ = 0;  // bytes
};

TEST_F(PageTablesTest, AreChargedOnceForEachPlace) {
    EXPECT_EQ(tables(), 0u);
    ASSERT_EQ(submit_at(21, kHigh), 0);
    EXPECT_EQ(tables(), 1u);
    ASSERT_EQ(submit_at(21, kHigh), 0);
    EXPECT_EQ(tables(), 1u) << "it was there before";
    ASSERT_EQ(submit_at(22, kHigh + 4096), 0);
    EXPECT_EQ(tables(), 1u) << "neighbours share one";
    ASSERT_EQ(submit_at(21, kHigh + kReach), 0);
    EXPECT_EQ(tables(), 2u) << "it has moved, its neighbour has not";
    ASSERT_EQ(submit_at(22, kHigh + kReach + 4096), 0);
    EXPECT_EQ(tables(), 1u);
}

TEST_F(PageTablesTest, AreKeptForABufferThatMovesToWhereAnotherWas) {
    ASSERT_EQ(submit(submission(2), {object(21, kHigh), object(22, kHigh + kReach)}), 0);
    EXPECT_EQ(tables(), 2u);
    ASSERT_EQ(submit(submission(2), {object(21, kHigh + 2 * kReach), object(22, kHigh)}), 0);
    EXPECT_EQ(tables(), 2u);
    wait_idle(21);
    wait_idle(22);
    context_->detach_resource(ResourceId(21));
    context_->detach_resource(ResourceId(22));
    EXPECT_EQ(use(), buffers_ - 2 * 4096);
}

TEST_F(PageTablesTest, GoWithTheBuffer) {
    ASSERT_EQ(submit_at(21, kHigh), 0);
    wait_idle(21);
    context_->detach_resource(ResourceId(21));
    EXPECT_EQ(use(), buffers_ - 4096);
}

TEST_F(PageTablesTest, AreThoseOfEachAddressSpace) {
    ASSERT_EQ(submit_at(21, kHigh), 0);
    const uint32_t own = create_gem_context(true);
    ASSERT_EQ(submit_at(21, kHigh, own), 0);
    EXPECT_EQ(tables(), 2u);

    drm_i915_gem_vm_control vm{};
    ASSERT_EQ(simple(DRM_IOCTL_I915_GEM_VM_CREATE, vm), 0);
    const uint32_t one = context_in(vm.vm_id), two = context_in(vm.vm_id);
    ASSERT_EQ(submit_at(21, kHigh, one), 0);
    EXPECT_EQ(tables(), 3u);
    ASSERT_EQ(submit_at(21, kHigh, two), 0);
    EXPECT_EQ(tables(), 3u) << "they share it";

    ASSERT_EQ(simple(DRM_IOCTL_I915_GEM_VM_DESTROY, vm), 0);
    for (const uint32_t id : {own, one}) {
        drm_i915_gem_context_destroy destroy{id, 0};
        ASSERT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, destroy), 0);
    }
    EXPECT_EQ(tables(), 2u) << "a context has the last one still";
    drm_i915_gem_context_destroy destroy{two, 0};
    ASSERT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, destroy), 0);
    EXPECT_EQ(tables(), 1u);
}

TEST_F(PageTablesTest, OfAContextsOwnSpaceAreSharedByItsId) {
    drm_i915_gem_context_param param{};
    param.param = I915_CONTEXT_PARAM_VM;
    ASSERT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_GETPARAM, param), 0);
    const uint32_t other = context_in(param.value);
    ASSERT_NE(other, 0u);
    ASSERT_EQ(submit_at(21, kHigh), 0);
    ASSERT_EQ(submit_at(21, kHigh, other), 0);
    EXPECT_EQ(tables(), 1u);
}

TEST_F(PageTablesTest, OfWhatCanBeAnywhereAreTheMostThatItCanNeed) {
    auto anywhere = object(21, 0);
    anywhere.flags = EXEC_OBJECT_SUPPORTS_48B_ADDRESS;
    ASSERT_EQ(submit(submission(1), {anywhere}), 0);
    EXPECT_EQ(tables(), 2u) << "it may lie across an edge";
    ASSERT_EQ(submit_at(21, kHigh), 0);
    EXPECT_EQ(tables(), 1u);
}

TEST_F(PageTablesTest, OfABufferThatIsPaddedToManyAreCounted) {
    constexpr uint64_t kMany = ContextLimits::kDefaultRegions / 2;
    auto padded = object(21, kHigh);
    padded.flags |= EXEC_OBJECT_PAD_TO_SIZE;
    padded.pad_to_size = kMany * kReach;
    ASSERT_EQ(submit(submission(1), {padded}), 0);
    EXPECT_EQ(tables(), kMany);
    ASSERT_EQ(submit_at(21, kHigh), 0);
    EXPECT_EQ(tables(), 1u);
    padded.pad_to_size = 3 * kMany * kReach;
    EXPECT_EQ(submit(submission(1), {padded}), ENOMEM);
    EXPECT_EQ(tables(), 1u);
}

class FewPageTables : public PageTablesTest {
  protected:
    FewPageTables()
        : PageTablesTest([] {
              ContextLimits limits;
              limits.context_memory = 2 * 4096 + 3 * kTable;
              return limits;
          }()) {}
};

TEST_F(FewPageTables, AreALimit) {
    const uint32_t own = create_gem_context(true);
    EXPECT_EQ(submit_at(21, kHigh), 0);
    EXPECT_EQ(submit_at(22, kHigh + kReach), 0);
    EXPECT_EQ(submit_at(21, kHigh, own), 0);
    EXPECT_EQ(submit_at(22, kHigh + kReach, own), ENOMEM);
    EXPECT_EQ(submit_at(22, kHigh + 4096, own), 0) << "the table is there";
    EXPECT_EQ(tables(), 3u);
    // One buffer in two places at once: whatever the kernel makes of it, the books are right.
    (void)submit(submission(2), {object(21, kHigh), object(21, kHigh + kReach)});
    context_->detach_resource(ResourceId(21));
    context_->detach_resource(ResourceId(22));
    EXPECT_EQ(use(), 0u);
}

}  // namespace
}  // namespace viaduct::i915
