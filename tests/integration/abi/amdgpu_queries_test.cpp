// Queries of amdgpu's guests: answers of other sizes than asked for, and waiting.
#include <amdgpu_drm.h>
#include <gtest/gtest.h>

#include "tests/integration/abi/amdgpu_driver.h"

namespace viaduct::test {
namespace {

namespace w = wire::amdgpu;

TEST(AmdgpuQueries, ShortKernelAnswersArePaddedWithZeros) {  // B17
    Vmm vmm;
    GuestContext guest(vmm, 1);
    w::QueryInfoRequest request{};
    request.query = AMDGPU_INFO_ACCEL_WORKING;
    request.return_size = 64;
    const auto answer = guest.call(static_cast<uint32_t>(w::Command::kQueryInfo), request, 72);
    for (size_t i = 12; i < answer.size(); ++i) EXPECT_EQ(answer[i], std::byte{0}) << i;
}

// Jail.ALargeControlBufferCostsNothing measures its cost to a worker.
class AmdgpuLargeControl : public ::testing::Test {
  protected:
    AmdgpuLargeControl() { guest_.create_control(16 << 20); }
    w::Response ask_for(uint32_t what, uint32_t bytes) {
        const uint32_t room = bytes + sizeof(w::Response);
        std::memcpy(guest_.area().data(), &room, sizeof(room));
        w::QueryInfoRequest request{};
        request.hdr = {static_cast<uint32_t>(w::Command::kQueryInfo), sizeof(request),
                       guest_.next_seqno(), 0};
        request.return_size = bytes;
        request.query = what;
        request.args[0] = AMDGPU_INFO_VBIOS_INFO;
        EXPECT_EQ(guest_.submit(Commands().add(request)), 0);
        EXPECT_TRUE(guest_.wait_seqno(request.hdr.seqno));
        w::Response answer;
        std::memcpy(&answer, guest_.area().data(), sizeof(answer));
        return answer;
    }
    void expect_refused(uint32_t what, uint32_t bytes) {
        const w::Response answer = ask_for(what, bytes);
        EXPECT_EQ(answer.hdr.len, sizeof(answer)) << "the error alone";
        EXPECT_EQ(answer.ret, -EINVAL);
    }

    Vmm vmm_;
    GuestContext guest_{vmm_, 1, GuestContext::Control::kNone};
};

TEST_F(AmdgpuLargeControl, MakesNoLargeAnswers) {
    expect_refused(AMDGPU_INFO_DEV_INFO, 0xf00000);
    expect_refused(AMDGPU_INFO_DEV_INFO, 4097);
    expect_refused(AMDGPU_INFO_VBIOS, (64 << 10) + 1);
    EXPECT_EQ(guest_.loss_field(), 0u);
    EXPECT_TRUE(guest_.settle());
}

TEST_F(AmdgpuLargeControl, HasRoomForWhatTheKernelCanAnswer) {
    EXPECT_EQ(ask_for(AMDGPU_INFO_DEV_INFO, 4096).ret, 0);
    EXPECT_EQ(ask_for(AMDGPU_INFO_VBIOS, 64 << 10).ret, 0);
}

TEST(AmdgpuQueries, ForAFencesStatusNeverWait) {  // E7
    Vmm vmm(std::chrono::seconds(60));
    GuestContext busy(vmm, 1);
    const GpuContext gpu_context = busy.create_gpu_context();
    const uint32_t work = busy.submit_held_write(gpu_context, 1);
    ASSERT_NE(work, 0u);
    for (const uint64_t timeout : {uint64_t{0}, uint64_t{INT64_MAX}, UINT64_MAX}) {
        for (const uint64_t flags : {0ull, 1ull}) {
            w::CsQueryFenceStatusRequest request{};
            request.ctx_id = gpu_context.id;
            request.fence = 1;
            request.timeout_ns = timeout;
            request.flags = flags;
            const auto answer =
                busy.ask<w::CsQueryFenceStatusResponse>(w::Command::kCsQueryFenceStatus, request);
            EXPECT_EQ(answer.base.ret, 0);
            EXPECT_EQ(answer.expired, 0u) << "the job is not done";
        }
    }
    release_work(work);
    EXPECT_TRUE(busy.fence_retires(gpu_context.ring));
    w::CsQueryFenceStatusRequest request{};
    request.ctx_id = gpu_context.id;
    request.fence = 1;
    EXPECT_EQ(
        busy.ask<w::CsQueryFenceStatusResponse>(w::Command::kCsQueryFenceStatus, request).expired,
        1u);
}

}  // namespace
}  // namespace viaduct::test
