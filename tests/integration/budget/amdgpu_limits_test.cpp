// A guest under the profile "test" (limits_test.cpp): what amdgpu's see and are refused.
#include <amdgpu_drm.h>
#include <gtest/gtest.h>

#include "tests/integration/abi/amdgpu_driver.h"

namespace viaduct::test {
namespace {

namespace w = wire::amdgpu;

class AmdgpuLimits : public testing::Test {
  protected:
    template <typename T>
    T query(uint32_t what) {
        w::QueryInfoRequest request{};
        request.return_size = sizeof(T);
        request.query = what;
        const auto answer = guest_.call(static_cast<uint32_t>(w::Command::kQueryInfo), request,
                                        sizeof(w::Response) + sizeof(T));
        T value;
        std::memcpy(&value, answer.data() + sizeof(w::Response), sizeof(value));
        return value;
    }
    /// The head of the control buffer.
    w::Shmem shown() {
        w::Shmem shown;
        std::memcpy(&shown, guest_.control().data(), sizeof(shown));
        return shown;
    }

    Vmm vmm_;
    GuestContext guest_{vmm_, 1};
};

TEST_F(AmdgpuLimits, HeapsHaveTheSizeOfTheBudget) {
    const auto sizes = query<drm_amdgpu_info_vram_gtt>(AMDGPU_INFO_VRAM_GTT);
    EXPECT_EQ(sizes.vram_size + sizes.gtt_size, 48 * kMiB);
    EXPECT_LE(sizes.vram_cpu_accessible_size, sizes.vram_size);
    EXPECT_EQ(shown().vram.heap_size + shown().gtt.heap_size, 48 * kMiB);
    EXPECT_LE(shown().vram.max_allocation, shown().vram.heap_size);
}

TEST_F(AmdgpuLimits, UseIsTheGuestsOwn) {
    const uint64_t before = guest_.driver().memory().used;
    ASSERT_NE(guest_.create_buffer(8 * kMiB), 0u);
    EXPECT_EQ(shown().vram.heap_usage + shown().gtt.heap_usage, before + 8 * kMiB);
    EXPECT_EQ(query<uint64_t>(AMDGPU_INFO_GTT_USAGE), before + 8 * kMiB);
}

TEST_F(AmdgpuLimits, QueuesThatAreNotOfferedTakeNothing) {
    const uint32_t context = guest_.create_gpu_context().id;
    const auto submit_to = [&](uint32_t timeline, uint32_t ip_type, uint32_t ring) {
        auto request = SubmitBuilder(context, timeline).ib(0x1000, 4, ip_type, ring).build();
        const auto answer =
            guest_.call_bytes(static_cast<uint32_t>(w::Command::kCsSubmit), request, 8);
        w::Response response;
        std::memcpy(&response, answer.data(), sizeof(response));
        return response.ret;
    };
    EXPECT_EQ(submit_to(4, AMDGPU_HW_IP_DMA, 0), -EINVAL);
    EXPECT_EQ(submit_to(4, AMDGPU_HW_IP_COMPUTE, 2), -EINVAL);
}

TEST_F(AmdgpuLimits, Priorities) {
    const auto create = [&](int32_t priority) {
        w::CreateCtxRequest request{};
        request.priority_or_id = priority;
        return guest_.ask<w::CreateCtxResponse>(w::Command::kCreateCtx, request).base.ret;
    };
    EXPECT_EQ(create(AMDGPU_CTX_PRIORITY_NORMAL), 0) << "lowered without a word";
    EXPECT_EQ(create(AMDGPU_CTX_PRIORITY_LOW), 0);
    EXPECT_EQ(create(AMDGPU_CTX_PRIORITY_VERY_LOW), 0);
    EXPECT_EQ(create(AMDGPU_CTX_PRIORITY_HIGH), -EACCES);
    EXPECT_EQ(create(AMDGPU_CTX_PRIORITY_VERY_HIGH), -EACCES);
    EXPECT_EQ(guest_.loss_field(), 0u);
}

}  // namespace
}  // namespace viaduct::test
