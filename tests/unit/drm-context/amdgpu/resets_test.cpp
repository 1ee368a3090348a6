// Resets of the GPU: the kernel shows every context that there was one; most go on.
#include "tests/unit/drm-context/amdgpu/fixture.h"

namespace viaduct::amdgpu {
namespace {

constexpr uint64_t kReset = AMDGPU_CTX_QUERY2_FLAGS_RESET;
constexpr uint64_t kVramLost = AMDGPU_CTX_QUERY2_FLAGS_VRAMLOST;
constexpr uint64_t kGuilty = AMDGPU_CTX_QUERY2_FLAGS_GUILTY;

class AmdgpuResets : public AmdgpuContextTest {
  protected:
    w::SetPstateResponse state(uint32_t ctx_id) {
        w::SetPstateRequest request{};
        request.ctx_id = ctx_id;
        request.op = AMDGPU_CTX_OP_QUERY_STATE2;
        return ask<w::SetPstateResponse>(w::Command::kSetPstate, request);
    }

    const uint32_t first_ = create_gpu_context();
    const uint32_t second_ = create_gpu_context();
};

TEST_F(AmdgpuResets, AnothersResetCostsNoContextAndIsCountedOncePerContext) {
    ASSERT_EQ(submit(first_), 0);
    kernel_.states = {{first_, kReset}, {second_, kReset}};
    for (int fence = 0; fence < 3; ++fence) context_->check_for_reset();
    EXPECT_EQ(async_error(), 0u);
    EXPECT_EQ(counters().resets, 0u);
    EXPECT_EQ(counters().other_resets, 2u);
    EXPECT_EQ(submit(first_), 0);
    EXPECT_EQ(state(first_).out_flags, kReset) << "as the kernel would";
}

TEST_F(AmdgpuResets, GuiltAndLostMemoryCostTheirContextAndOnlyThat) {
    kernel_.states = {{first_, kReset | kGuilty}, {second_, kReset}};
    context_->check_for_reset();
    context_->check_for_reset();
    EXPECT_EQ(async_error(), 1u) << "once";
    EXPECT_EQ(counters().resets, 1u);
    EXPECT_EQ(counters().other_resets, 1u);
    EXPECT_EQ(state(first_).out_flags, kReset | kGuilty);
    kernel_.states[second_] |= kVramLost;
    context_->check_for_reset();
    EXPECT_EQ(async_error(), 2u);
    EXPECT_EQ(state(second_).out_flags, kReset | kVramLost);
}

// A soft recovery kills a job and leaves no mark but the error in its fence.
TEST_F(AmdgpuResets, AnErrorInItsOwnFenceCostsTheContext) {
    ASSERT_EQ(submit(first_), 0);
    kernel_.states = {{first_, kReset}, {second_, kReset}};
    kernel_.fence_errors = {{first_, ENODATA}, {second_, ENODATA}};
    context_->check_for_reset();
    EXPECT_EQ(async_error(), 1u) << "the second one has no work";
    ASSERT_FALSE(kernel_.asked.empty());
    EXPECT_EQ(kernel_.asked[0].handle, ~uint64_t{0}) << "its newest";
    EXPECT_EQ(kernel_.asked[0].timeout, 0u) << "nobody waits";
    EXPECT_EQ(kernel_.asked[0].ip_type, uint32_t{AMDGPU_HW_IP_GFX});
    EXPECT_EQ(state(first_).out_flags, kReset | kGuilty) << "the kernel does not say so itself";
}

TEST_F(AmdgpuResets, WithoutAResetNoFenceIsAskedFor) {
    ASSERT_EQ(submit(first_), 0);
    context_->check_for_reset();
    EXPECT_TRUE(kernel_.asked.empty());
}

TEST_F(AmdgpuResets, ARefusedSubmissionOfALostContextIsNotCountedAgain) {
    for (const int error : {ECANCELED, ETIME, ENODATA}) {
        const uint32_t context = create_gpu_context();
        const uint32_t before = async_error();
        kernel_.submit_error = error;
        EXPECT_EQ(submit(context), -error);
        EXPECT_EQ(submit(context), -error);
        EXPECT_EQ(async_error(), before + 1);
        kernel_.submit_error = EINVAL;
        EXPECT_EQ(submit(context), -EINVAL);
        EXPECT_EQ(async_error(), before + 1) << "it was lost already";
    }
    EXPECT_EQ(counters().resets, 3u);
    EXPECT_EQ(submit(first_), -EINVAL);
    EXPECT_EQ(async_error(), 4u) << "an error of another kind";
    EXPECT_EQ(counters().resets, 3u);
}

TEST_F(AmdgpuResets, StatesOfUnknownContextsAreRefused) {
    EXPECT_EQ(state(4711).base.ret, -EINVAL);
}

}  // namespace
}  // namespace viaduct::amdgpu
