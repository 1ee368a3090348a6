// The GPU's resets as a driver sees them.
#include "tests/unit/guest-mesa/layer/amdgpu/fixture.h"

namespace viaduct::guest::amdgpu {
namespace {

constexpr uint32_t kReset = AMDGPU_CTX_QUERY2_FLAGS_RESET;
constexpr uint32_t kVramLost = AMDGPU_CTX_QUERY2_FLAGS_VRAMLOST;
constexpr uint32_t kGuilty = AMDGPU_CTX_QUERY2_FLAGS_GUILTY;

class DriverResets : public DriverTest {
  protected:
    uint32_t old_state(uint32_t context) {
        drm_amdgpu_ctx arg{};
        arg.in.op = AMDGPU_CTX_OP_QUERY_STATE;
        arg.in.ctx_id = context;
        EXPECT_EQ(call(DRM_IOCTL_AMDGPU_CTX, arg), 0);
        return arg.out.state.reset_status;
    }

    /// The host refuses a submission of `context` that its driver believes to be under way.
    void fail_next_submission(uint32_t context) {
        host.results[static_cast<uint32_t>(Command::kCsSubmit)] = -EINVAL;
        EXPECT_EQ(submit(context, 0, 0), 0);
        host.results.clear();
        host.add_async_error();
    }

    const uint32_t first = create_context();
    const uint32_t second = create_context();
};

TEST_F(DriverResets, AnothersResetIsReportedWithoutGuiltAndSubmissionsGoOn) {
    host.states[first] = kReset;
    EXPECT_EQ(state_flags(first), kReset);
    EXPECT_EQ(submit(first, 0, 0), 0);
    EXPECT_EQ(old_state(first), uint32_t{AMDGPU_CTX_UNKNOWN_RESET}) << "as the kernel has it";
    EXPECT_EQ(old_state(first), uint32_t{AMDGPU_CTX_NO_RESET}) << "once";
}

TEST_F(DriverResets, OnlyTheGuiltyContextIsLost) {
    host.states = {{first, kReset | kGuilty}, {second, kReset}};
    host.add_async_error();
    EXPECT_EQ(submit(first, 0, 0), -ECANCELED);
    EXPECT_EQ(state_flags(first), kReset | kGuilty);
    EXPECT_EQ(submit(second, 0, 0), 0);
    EXPECT_EQ(state_flags(second), kReset);
}

// It left something missing, which the submissions that need it notice.
TEST_F(DriverResets, AnErrorThatNobodyIsGuiltyOfCostsNobody) {
    host.states[first] = kReset | kVramLost;
    host.add_async_error();
    host.add_async_error();
    EXPECT_EQ(submit(second, 0, 0), 0);
    EXPECT_EQ(state_flags(second), 0u);
    EXPECT_EQ(submit(first, 0, 0), -ECANCELED);
    EXPECT_EQ(state_flags(first), kReset | kVramLost);
}

TEST_F(DriverResets, ASubmissionThatFailedCostsItsContext) {
    fail_next_submission(first);
    EXPECT_EQ(submit(first, 0, 0), -ECANCELED);
    EXPECT_EQ(state_flags(first), kReset | kVramLost) << "nobody's fault that is known";
    EXPECT_EQ(submit(second, 0, 0), 0);
    EXPECT_EQ(state_flags(second), 0u);
}

TEST_F(DriverResets, AFailureEndsWithItsContext) {
    fail_next_submission(first);
    ASSERT_EQ(free_context(first), 0);
    host.next_context = first;
    ASSERT_EQ(create_context(), first);
    EXPECT_EQ(submit(first, 0, 0), 0);
    EXPECT_EQ(state_flags(first), 0u);
}

TEST_F(DriverResets, AHostWithoutStatesIsBelievedByItsCountOfErrors) {
    host.results[static_cast<uint32_t>(Command::kSetPstate)] = -EINVAL;
    EXPECT_EQ(state_flags(first), 0u);
    EXPECT_EQ(submit(first, 0, 0), 0);
    host.add_async_error();
    EXPECT_EQ(state_flags(first), kReset | kVramLost);
    EXPECT_EQ(submit(first, 0, 0), -ECANCELED);
    EXPECT_EQ(host.received(Command::kSetPstate).size(), 1u) << "it is not asked again";
}

// Drivers ask at each wait.
TEST_F(DriverResets, TheHostIsNotAskedEachTime) {
    for (int i = 0; i < 100; ++i) EXPECT_EQ(state_flags(first), 0u);
    EXPECT_LT(host.received(Command::kSetPstate).size(), 10u);
}

}  // namespace
}  // namespace viaduct::guest::amdgpu
