// Hostile submissions of amdgpu's guests (D).
#include <amdgpu_drm.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>

#include "tests/integration/abi/amdgpu_driver.h"

namespace viaduct::test {
namespace {

namespace w = wire::amdgpu;

constexpr uint64_t kVa = 0x8000'0000;

class AmdgpuSubmissions : public ::testing::Test {
  protected:
    int32_t submit(std::vector<std::byte> request) {
        const auto answer =
            guest_.call_bytes(static_cast<uint32_t>(w::Command::kCsSubmit), request, 8);
        w::Response response;
        std::memcpy(&response, answer.data(), sizeof(response));
        return response.ret;
    }
    /// A buffer that starts with a NOP as a command stream, mapped at kVa.
    uint32_t nop_buffer() {
        const uint32_t res_id = guest_.create_buffer(8192);
        const MappedResource memory(res_id);
        memory.words()[0] = 0xc0001000;  // PM4 NOP with one dword (mesa: sid.h)
        EXPECT_EQ(guest_.map(res_id, kVa, 8192), 0);
        return res_id;
    }
    Vmm vmm_;
    GuestContext guest_{vmm_, 1};
    uint32_t gpu_context_ = guest_.create_gpu_context().id;
};

TEST_F(AmdgpuSubmissions, UnknownResourcesEverywhere) {  // D1
    EXPECT_EQ(guest_.map(4711, kVa, 4096), EINVAL);
    EXPECT_EQ(guest_.loss_field(), 0u) << "the guest may have closed it: no reason to be lost";
    w::SetMetadataRequest metadata{};
    metadata.res_id = 4711;
    EXPECT_EQ(guest_.ask<w::Response>(w::Command::kSetMetadata, metadata).ret, -EINVAL);
    EXPECT_EQ(submit(SubmitBuilder(gpu_context_, 1).buffers({4711}).ib(kVa, 8).build()), -EINVAL);
    EXPECT_EQ(submit(SubmitBuilder(gpu_context_, 1)
                         .chunk(AMDGPU_CHUNK_ID_FENCE, w::UserFence{4711, 0})
                         .ib(kVa, 8)
                         .build()),
              -EINVAL);
    EXPECT_TRUE(vmm_.wait_log("4711")) << "errors name what was wrong";
}

TEST_F(AmdgpuSubmissions, UnknownGpuContexts) {  // D2
    w::CreateCtxRequest destroy{};
    destroy.priority_or_id = static_cast<int32_t>(guest_.create_gpu_context().id);
    destroy.flags = w::kCreateCtxDestroy;
    EXPECT_EQ(guest_.ask<w::CreateCtxResponse>(w::Command::kCreateCtx, destroy).base.ret, 0);
    EXPECT_EQ(guest_.ask<w::CreateCtxResponse>(w::Command::kCreateCtx, destroy).base.ret, -EINVAL);
    for (const uint32_t id : {0u, static_cast<uint32_t>(destroy.priority_or_id), 0xffffffffu}) {
        EXPECT_EQ(submit(SubmitBuilder(id, 1).ib(kVa, 8).build()), -EINVAL);
        w::CsQueryFenceStatusRequest status{};
        status.ctx_id = id;
        EXPECT_EQ(guest_.ask<w::CsQueryFenceStatusResponse>(w::Command::kCsQueryFenceStatus, status)
                      .base.ret,
                  -EINVAL);
        w::SetPstateRequest pstate{};
        pstate.ctx_id = id;
        pstate.op = AMDGPU_CTX_OP_GET_STABLE_PSTATE;
        EXPECT_EQ(guest_.ask<w::SetPstateResponse>(w::Command::kSetPstate, pstate).base.ret,
                  -EINVAL);
    }
}

TEST_F(AmdgpuSubmissions, AnotherGuestsGpuContextsMeanNothing) {  // D9
    GuestContext other(vmm_, 2);
    // Ids are counted per file: more of them, so that one is certainly not ours.
    uint32_t foreign = 0;
    for (int i = 0; i < 5; ++i) foreign = other.create_gpu_context().id;
    drm_amdgpu_cs_chunk_dep dependency{};
    dependency.ctx_id = foreign;
    EXPECT_EQ(submit(SubmitBuilder(gpu_context_, 1)
                         .chunk(AMDGPU_CHUNK_ID_DEPENDENCIES, dependency)
                         .ib(kVa, 8)
                         .build()),
              -EINVAL);
    EXPECT_EQ(submit(SubmitBuilder(foreign, 1).ib(kVa, 8).build()), -EINVAL);
}

TEST_F(AmdgpuSubmissions, CountsThatOverflow) {  // D3
    for (const uint32_t count : {0u, 1u, 129u, 0x20000000u, 0x80000000u, 0xffffffffu}) {
        w::CsSubmitRequest request{};
        request.ctx_id = gpu_context_;
        request.num_chunks = count;
        request.ring_idx = 1;
        const auto bytes = std::as_bytes(std::span(&request, 1));
        EXPECT_EQ(submit({bytes.begin(), bytes.end()}), -EINVAL) << count;
    }
}

TEST_F(AmdgpuSubmissions, ChunksThatAreWrong) {  // D5
    const uint32_t res_id = nop_buffer();
    drm_amdgpu_cs_chunk_ib ib{};
    ib.va_start = kVa;
    ib.ib_bytes = 8;
    struct Patch {
        size_t offset;
        uint64_t value;
        size_t size;
        const char* what;
    };
    // Of the one descriptor behind the 32 bytes of the request.
    const Patch patches[] = {
        {34, 7, 2, "an IB too short"},
        {34, 9, 2, "an IB beyond the end"},
        {34, 0xffff, 2, "a huge chunk"},
        {34, 0, 2, "an empty IB"},
        {36, 4, 4, "an offset past the end"},
        {36, 2, 4, "a misaligned offset"},
        {36, 0xfffffffc, 4, "a wrapping offset"},
        {32, 0, 2, "chunk id 0"},
        {32, 4, 2, "a syncobj"},
        {32, 5, 2, "a syncobj"},
        {32, 7, 2, "scheduled dependencies"},
        {32, 8, 2, "a timeline syncobj"},
        {32, 9, 2, "a timeline syncobj"},
        {32, 10, 2, "a shadow buffer"},
        {32, 0xffff, 2, "an unknown chunk"},
    };
    for (const Patch& patch : patches) {
        auto request = SubmitBuilder(gpu_context_, 1).chunk(AMDGPU_CHUNK_ID_IB, ib).build();
        std::memcpy(request.data() + patch.offset, &patch.value, patch.size);
        EXPECT_EQ(submit(request), -EINVAL) << patch.what;
    }
    SubmitBuilder many(gpu_context_, 1);
    for (uint32_t i = 0; i <= wire::amdgpu::kMaxChunks; ++i) many.ib(kVa, 8);
    EXPECT_EQ(submit(many.build()), -EINVAL) << "more chunks than a submission may have";
    EXPECT_EQ(
        submit(
            SubmitBuilder(gpu_context_, 1).buffers({res_id}).buffers({res_id}).ib(kVa, 8).build()),
        -EINVAL)
        << "two lists";
    EXPECT_EQ(submit(SubmitBuilder(gpu_context_, 1).buffers({res_id}).build()), -EINVAL) << "no IB";
    EXPECT_GT(guest_.loss_field(), 0u);

    EXPECT_EQ(submit(SubmitBuilder(gpu_context_, 1).ib(kVa, 8).build()), 0) << "no list is allowed";
    EXPECT_TRUE(guest_.fence_retires(1));
}

TEST_F(AmdgpuSubmissions, ABufferListedTwice) {  // D6
    const uint32_t res_id = nop_buffer();
    EXPECT_EQ(submit(SubmitBuilder(gpu_context_, 1).buffers({res_id, res_id}).ib(kVa, 8).build()),
              0)
        << "the kernel allows it";
    EXPECT_TRUE(guest_.fence_retires(1));
    EXPECT_TRUE(guest_.settle());
}

TEST_F(AmdgpuSubmissions, RingsThatDoNotMatch) {  // D7
    nop_buffer();
    for (const uint32_t ring : {0u, 2u, 63u, 64u, 0xffffffffu})
        EXPECT_EQ(submit(SubmitBuilder(gpu_context_, ring).ib(kVa, 8).build()), -EINVAL) << ring;
    for (const uint32_t ip_ring : {1u, 31u, 0xffffffffu})
        EXPECT_EQ(submit(SubmitBuilder(gpu_context_, 1).ib(kVa, 8, 0, ip_ring).build()), -EINVAL);
    for (const uint32_t ip_type : {3u, 9u, 10u, 0x80000000u, 0xffffffffu})
        EXPECT_EQ(submit(SubmitBuilder(gpu_context_, 1).ib(kVa, 8, ip_type).build()), -EINVAL);
    EXPECT_EQ(submit(SubmitBuilder(gpu_context_, 1).ib(kVa, 8).build()), 0);
}

TEST_F(AmdgpuSubmissions, UserFencesArriveAndStayInTheirBuffer) {  // D8
    nop_buffer();
    const uint32_t res_id = guest_.create_buffer(4096);
    const auto submit_fence = [&](uint32_t offset) {
        return submit(SubmitBuilder(gpu_context_, 1)
                          .chunk(AMDGPU_CHUNK_ID_FENCE, w::UserFence{res_id, offset})
                          .ib(kVa, 8)
                          .build());
    };
    EXPECT_EQ(submit_fence(64), 0);
    EXPECT_TRUE(guest_.fence_retires(1));
    uint64_t sequence = 0;
    std::memcpy(&sequence, MappedResource(res_id).words() + 64 / 4, sizeof(sequence));
    EXPECT_EQ(sequence, 1u) << "the GPU context's first submission";

    for (const uint32_t offset : {1u, 4u, 4092u, 4096u, 0xfffffff8u})
        EXPECT_EQ(submit_fence(offset), -EINVAL) << offset;
    EXPECT_TRUE(vmm_.wait_log("user fence offset 1 is misaligned")) << "the kernel was not asked";
}

// Drivers do not list what is always valid; what was made anew to be shared is not, for the kernel.
TEST_F(AmdgpuSubmissions, ASharedBufferThatWasToBeAlwaysValidNeedsNoListing) {
    constexpr uint64_t kTarget = 0xb000'0000;
    const MappedResource commands(nop_buffer());
    const uint32_t target = create_amdgpu_buffer(
        guest_, 4096,
        VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE | VIRGL_RENDERER_BLOB_FLAG_USE_SHAREABLE,
        AMDGPU_GEM_DOMAIN_GTT, AMDGPU_GEM_CREATE_VM_ALWAYS_VALID);
    ASSERT_NE(target, 0u);
    ASSERT_EQ(guest_.map(target, kTarget, 4096), 0);
    const auto ib = write_data(kTarget + 64, 0x5eed);
    std::memcpy(commands.words(), ib.data(), ib.size() * sizeof(uint32_t));
    EXPECT_EQ(submit(SubmitBuilder(gpu_context_, 1).ib(kVa, 20).build()), 0);
    EXPECT_TRUE(guest_.fence_retires(1));
    EXPECT_EQ(MappedResource(target).words()[64 / 4], 0x5eedu);
    EXPECT_EQ(guest_.loss_field(), 0u);
}

TEST_F(AmdgpuSubmissions, AMappingBeginsAtItsOffset) {
    constexpr uint64_t kTarget = 0xa000'0000;
    const MappedResource commands(nop_buffer());
    const uint32_t target = guest_.create_buffer(12288);
    ASSERT_EQ(guest_.map(target, kTarget, 4096, 4096), 0);
    const auto ib = write_data(kTarget + 8, 0x5eed);
    std::memcpy(commands.words(), ib.data(), ib.size() * sizeof(uint32_t));
    EXPECT_EQ(submit(SubmitBuilder(gpu_context_, 1).ib(kVa, 20).build()), 0);
    EXPECT_TRUE(guest_.fence_retires(1));
    const MappedResource memory(target);
    for (uint32_t i = 0; i < 12288 / 4; ++i)
        EXPECT_EQ(memory.words()[i], i == 1024 + 2 ? 0x5eedu : 0u) << "dword " << i;
}

// One that says nothing of queues in its budget; the simulated renoir has as many.
TEST_F(AmdgpuSubmissions, AMappingStaysInItsBufferAndInItsSpace) {  // C5
    const uint32_t res_id = guest_.create_buffer(8192);
    struct Case {
        uint64_t va, size, offset;
    };
    for (const Case& c :
         {Case{kVa, 12288, 0}, Case{kVa, 8192, 4096}, Case{kVa, 4096, 8192},
          Case{kVa, 8192, UINT64_MAX - 4095}, Case{kVa, UINT64_MAX - 4095, 8192},
          Case{UINT64_MAX - 4095, 8192, 0}, Case{1ull << 62, 4096, 0}, Case{kVa + 1, 4096, 0},
          Case{kVa, 4095, 0}, Case{kVa, 0, 0}, Case{kVa, 4096, 1}})
        EXPECT_NE(guest_.map(res_id, c.va, c.size, c.offset), 0)
            << c.va << " " << c.size << " " << c.offset;
    EXPECT_EQ(guest_.map(res_id, kVa, 8192), 0) << "nothing of those is in its place";
    EXPECT_TRUE(guest_.settle());
}

TEST_F(AmdgpuSubmissions, UnlimitedGuestsSeeEveryRing) {
    const uint32_t expected[] = {1, 4, 1};  // graphics, compute, DMA
    for (uint32_t ip_type = 0; ip_type < std::size(expected); ++ip_type) {
        w::QueryInfoRequest request{};
        request.query = AMDGPU_INFO_HW_IP_INFO;
        request.return_size = sizeof(drm_amdgpu_info_hw_ip);
        request.args[0] = ip_type;
        const auto answer = guest_.call(static_cast<uint32_t>(w::Command::kQueryInfo), request,
                                        sizeof(w::Response) + sizeof(drm_amdgpu_info_hw_ip));
        drm_amdgpu_info_hw_ip ip;
        std::memcpy(&ip, answer.data() + sizeof(w::Response), sizeof(ip));
        EXPECT_EQ(static_cast<uint32_t>(std::popcount(ip.available_rings)), expected[ip_type])
            << "IP type " << ip_type;
    }
}

TEST_F(AmdgpuSubmissions, HighPrioritiesAreTheKernelsToRefuse) {  // D16
    w::CreateCtxRequest request{};
    request.priority_or_id = AMDGPU_CTX_PRIORITY_VERY_HIGH;
    const auto answer = guest_.ask<w::CreateCtxResponse>(w::Command::kCreateCtx, request);
    if (answer.base.ret == 0)
        EXPECT_NE(answer.ctx_id, 0u);  // a privileged host may allow it
    else
        EXPECT_EQ(answer.base.ret, -EACCES);
    // The kernel takes a priority that does not exist for the normal one.
    request.priority_or_id = 12345;
    EXPECT_EQ(guest_.ask<w::CreateCtxResponse>(w::Command::kCreateCtx, request).base.ret, 0);
}

TEST_F(AmdgpuSubmissions, ARefusedSubmissionReleasesItsInFence) {  // D17
    EXPECT_TRUE(guest_.settle());
    const auto before = ProcessUse::now();
    for (int i = 0; i < 50; ++i) {
        const int fence = virgl_renderer_export_signalled_fence();
        if (fence >= 0) {
            EXPECT_EQ(virgl_renderer_attach_fence(1, fence), 0);
        }
        EXPECT_EQ(submit(SubmitBuilder(gpu_context_, 1).build()), -EINVAL);
    }
    EXPECT_TRUE(guest_.settle());
    EXPECT_LE(ProcessUse::now().descriptors, before.descriptors + 2);
}

}  // namespace
}  // namespace viaduct::test
