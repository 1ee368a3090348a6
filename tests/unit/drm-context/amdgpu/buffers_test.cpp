// Buffers that a kernel refuses, and those that it would let a guest have at others' expense.
#include "tests/unit/drm-context/amdgpu/fixture.h"

namespace viaduct::amdgpu {
namespace {

constexpr uint32_t kShareable = 2;  // VIRGL_RENDERER_BLOB_FLAG_USE_SHAREABLE

class AmdgpuBuffers : public AmdgpuContextTest {
  protected:
    using AmdgpuContextTest::AmdgpuContextTest;
    bool create_blob(uint32_t id, uint32_t flags = kMappable) {
        return context_->create_blob({ResourceId(id), flags, id, 4096}).has_value();
    }
};

TEST_F(AmdgpuBuffers, ScarceAndDeviceWideDomainsAreRefusedAndTheContextLives) {
    constexpr uint32_t kDoorbell = 0x40, kMmioRemap = 0x80;  // Linux 6.16
    for (const uint32_t domain : {uint32_t{AMDGPU_GEM_DOMAIN_GDS}, uint32_t{AMDGPU_GEM_DOMAIN_GWS},
                                  uint32_t{AMDGPU_GEM_DOMAIN_OA}, kDoorbell, kMmioRemap}) {
        for (const uint32_t more : {0, AMDGPU_GEM_DOMAIN_GTT}) {
            const Status status = gem_new(domain, 4096, domain | more);
            ASSERT_FALSE(status) << domain;
            EXPECT_EQ(status.error().code, EACCES) << domain;
        }
    }
    EXPECT_TRUE(kernel_.created.empty()) << "the kernel was asked";
    EXPECT_EQ(async_error(), 0u);
    for (const uint32_t domain : {AMDGPU_GEM_DOMAIN_CPU, AMDGPU_GEM_DOMAIN_GTT,
                                  AMDGPU_GEM_DOMAIN_VRAM, AMDGPU_GEM_DOMAIN_MASK & 7})
        EXPECT_TRUE(gem_new(100 + domain, 4096, domain));
}

class AmdgpuAllowed : public AmdgpuBuffers {
  protected:
    static ContextLimits everything() {
        ContextLimits limits;
        limits.allowed = ~0u;
        return limits;
    }
    AmdgpuAllowed() : AmdgpuBuffers(everything()) {}
};

TEST_F(AmdgpuAllowed, OnChipMemoryIsGivenToWhomItIsAllowedButNoRegisters) {
    EXPECT_TRUE(gem_new(1, 4096, AMDGPU_GEM_DOMAIN_GDS));
    EXPECT_TRUE(gem_new(2, 4096, AMDGPU_GEM_DOMAIN_OA));
    EXPECT_FALSE(gem_new(3, 4096, 0x40));
}

// Requests that would affect the whole GPU.
template <typename Base>
class DeviceWideCommands : public Base {
  protected:
    w::SetPstateResponse pstate(uint32_t op, uint32_t state = AMDGPU_CTX_STABLE_PSTATE_NONE) {
        w::SetPstateRequest request{};
        request.ctx_id = gpu_context_;
        request.op = op;
        request.flags = state;
        return this->template ask<w::SetPstateResponse>(w::Command::kSetPstate, request);
    }
    int32_t reserve(uint64_t flags) {
        w::ReserveVmidRequest request{};
        request.flags = flags;
        return this->template ask<w::Response>(w::Command::kReserveVmid, request).ret;
    }
    const uint32_t gpu_context_ = this->create_gpu_context();
};
using Forbidden = DeviceWideCommands<AmdgpuBuffers>;
using Allowed = DeviceWideCommands<AmdgpuAllowed>;

TEST_F(Forbidden, ClocksAreNeitherForcedNorRead) {
    const auto forced = pstate(AMDGPU_CTX_OP_SET_STABLE_PSTATE, AMDGPU_CTX_STABLE_PSTATE_PEAK);
    EXPECT_EQ(forced.base.ret, -EACCES);
    EXPECT_EQ(pstate(AMDGPU_CTX_OP_SET_STABLE_PSTATE).base.ret, 0) << "nothing is forced already";
    const auto read = pstate(AMDGPU_CTX_OP_GET_STABLE_PSTATE);
    EXPECT_EQ(read.base.ret, 0);
    EXPECT_EQ(read.out_flags, uint32_t{AMDGPU_CTX_STABLE_PSTATE_NONE});
    EXPECT_TRUE(kernel_.stable_states.empty());
    EXPECT_EQ(async_error(), 0u);
}

TEST_F(Forbidden, TheOneVmidIsNotReserved) {
    EXPECT_EQ(reserve(0), -EACCES);
    EXPECT_EQ(reserve(1), 0);
    EXPECT_EQ(reserve(2), -EINVAL);
    EXPECT_EQ(kernel_.vmids_reserved, 0u);
}

TEST_F(Allowed, BothReachTheKernel) {
    EXPECT_EQ(pstate(AMDGPU_CTX_OP_SET_STABLE_PSTATE, AMDGPU_CTX_STABLE_PSTATE_PEAK).base.ret, 0);
    EXPECT_EQ(kernel_.stable_states, (std::vector<uint32_t>{AMDGPU_CTX_STABLE_PSTATE_PEAK}));
    EXPECT_EQ(pstate(AMDGPU_CTX_OP_GET_STABLE_PSTATE).out_flags, 4u) << "what the kernel said";
    EXPECT_EQ(reserve(0), 0);
    EXPECT_EQ(kernel_.vmids_reserved, 1u);
}

TEST_F(AmdgpuBuffers, TheKernelsOwnShortageCostsNoContext) {
    kernel_.create_error = ENOMEM;
    const Status status = gem_new(1);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ENOMEM);
    EXPECT_FALSE(create_blob(1));
    EXPECT_EQ(async_error(), 0u);
    kernel_.create_error = EINVAL;
    EXPECT_FALSE(gem_new(2));
    EXPECT_EQ(async_error(), 1u) << "anything else the guest does not learn";
}

TEST_F(AmdgpuBuffers, AfterAShortageTheHeapsLookFullUntilSuchABufferFits) {
    drm_amdgpu_memory_info memory{};
    memory.vram.total_heap_size = memory.gtt.total_heap_size = 1 << 30;
    memory.vram.max_allocation = memory.gtt.max_allocation = 3 << 28;
    const auto* bytes = reinterpret_cast<const std::byte*>(&memory);
    kernel_.infos[AMDGPU_INFO_MEMORY] = {bytes, bytes + sizeof(memory)};
    kernel_.create_error = ENOMEM;
    EXPECT_FALSE(gem_new(1, 1 << 20));
    EXPECT_EQ(shmem().vram.heap_usage, 1u << 30);
    EXPECT_EQ(shmem().gtt.heap_usage, 1u << 30);
    kernel_.create_error = 0;
    create_buffer(2);
    EXPECT_EQ(shmem().gtt.heap_usage, 1u << 30) << "a smaller one says nothing";
    ASSERT_TRUE(gem_new(3, 1 << 20));
    ASSERT_TRUE(create_blob(3));
    EXPECT_EQ(shmem().gtt.heap_usage, (1u << 20) + 4096);
}

TEST_F(AmdgpuBuffers, WhatIsAnnouncedShareableCanBeExportedThoughItWasToBeAlwaysValid) {
    const uint64_t flags = AMDGPU_GEM_CREATE_VM_ALWAYS_VALID | AMDGPU_GEM_CREATE_CPU_GTT_USWC;
    ASSERT_TRUE(gem_new(7, 4096, AMDGPU_GEM_DOMAIN_GTT, flags));
    auto blob = context_->create_blob({ResourceId(7), kMappable | kShareable, 7, 4096});
    ASSERT_TRUE(blob) << blob.error().message;
    EXPECT_TRUE(blob->fd);
    EXPECT_TRUE(context_->export_blob(ResourceId(7)));
    ASSERT_EQ(kernel_.buffers.size(), 1u) << "the one it was made as first is gone";
    const auto& [handle, created] = *kernel_.buffers.begin();
    EXPECT_EQ(created.domain_flags, uint64_t{AMDGPU_GEM_CREATE_CPU_GTT_USWC});
    EXPECT_EQ(created.bo_size, 4096u);

    // Drivers do not list what is always valid.
    const uint32_t gpu_context = create_gpu_context();
    create_buffer(8);
    ASSERT_EQ(submit(gpu_context), 0);
    ASSERT_EQ(submit(gpu_context, {8}), 0);
    EXPECT_EQ(kernel_.lists[0], std::vector<uint32_t>{handle});
    EXPECT_EQ(kernel_.lists[1], (std::vector<uint32_t>{handle + 1, handle}));
    context_->detach_resource(ResourceId(7));
    ASSERT_EQ(submit(gpu_context), 0);
    EXPECT_TRUE(kernel_.lists[2].empty());
}

TEST_F(AmdgpuBuffers, WhatIsNotShareableStaysAlwaysValidAndIsExportedAsTheKernelAllows) {
    ASSERT_TRUE(gem_new(7, 4096, AMDGPU_GEM_DOMAIN_GTT, AMDGPU_GEM_CREATE_VM_ALWAYS_VALID));
    ASSERT_TRUE(create_blob(7));
    EXPECT_EQ(kernel_.created.size(), 1u);
    const auto refused = context_->export_blob(ResourceId(7));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, EPERM);
    // One that was not announced either, but that another context attaches (older drivers).
    create_buffer(8);
    EXPECT_TRUE(context_->export_blob(ResourceId(8)));
}

TEST(ContextLimitsTest, BoundTheKernelsMemoryWithoutAProfileToo) {
    EXPECT_GT(ContextLimits().buffers, 0u);
    EXPECT_GT(ContextLimits().mappings, 0u);
    EXPECT_GT(ContextLimits().regions, 0u);
}

class FewBuffers : public AmdgpuBuffers {
  protected:
    static ContextLimits three() {
        ContextLimits limits;
        limits.buffers = 3;
        return limits;
    }
    FewBuffers() : AmdgpuBuffers(three()) {}
};

TEST_F(FewBuffers, AreRefusedWithoutCost) {
    for (uint32_t id = 1; id <= 3; ++id) ASSERT_TRUE(gem_new(id));
    EXPECT_EQ(gem_new(4).error().code, ENOMEM);
    EXPECT_EQ(async_error(), 0u);
}

}  // namespace
}  // namespace viaduct::amdgpu
