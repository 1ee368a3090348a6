// Mappings in the GPU's address space.
#include "tests/unit/guest-mesa/layer/amdgpu/fixture.h"

namespace viaduct::guest::amdgpu {
namespace {

TEST_F(DriverTest, GpuMappingsAreConfirmedWhenMemoryIsShort) {
    const uint32_t buffer = create_buffer(0x4000, AMDGPU_GEM_DOMAIN_GTT, 0);
    GemVa va{};
    va.base.handle = buffer;
    va.base.operation = AMDGPU_VA_OP_MAP;
    va.base.va_address = 0x200000;
    va.base.map_size = 0x4000;
    host.results[static_cast<uint32_t>(Command::kBoVaOp)] = -ENOMEM;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_VA, va), 0) << "nobody waits";
    host.set_heap(offsetof(wire::Shmem, vram), 1 << 30, 1 << 30);
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_VA, va), -ENOMEM);
    va.base.operation = AMDGPU_VA_OP_UNMAP;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_VA, va), 0) << "needs no memory";
}

// No buffer's close shows the host that the driver has given such a range up.
TEST_F(DriverTest, ASparseRangeThatTheDriverHeardWasRefusedIsUnmapped) {
    host.set_heap(offsetof(wire::Shmem, vram), 1 << 30, 1 << 30);
    host.results[static_cast<uint32_t>(Command::kBoVaOp)] = -ENOMEM;
    GemVa va{};
    va.base.flags = AMDGPU_VM_PAGE_PRT;
    va.base.va_address = 0x200000;
    va.base.map_size = 0x4000;
    va.base.operation = AMDGPU_VA_OP_REPLACE;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_VA, va), -ENOMEM) << "what was there still is";
    va.base.operation = AMDGPU_VA_OP_MAP;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_VA, va), -ENOMEM);
    create_context();
    const auto requests = host.received(Command::kBoVaOp);
    ASSERT_EQ(requests.size(), 3u);
    const auto last = requests[2].as<wire::BoVaOpRequest>();
    EXPECT_EQ(last.op, uint32_t{AMDGPU_VA_OP_UNMAP});
    EXPECT_EQ(last.va, 0x200000u);
    EXPECT_EQ(last.flags, uint64_t{AMDGPU_VM_PAGE_PRT});
    EXPECT_EQ(last.flags2, wire::kVaFlags2Sparse);
}

// The host has said that it is mapped before work can use it. What is mapped costs nothing more.
TEST_F(DriverTest, MappingsInTheGpuArriveTogetherBeforeTheSubmissionThatNeedsThem) {
    const uint32_t context = create_context();
    const uint32_t buffer = create_buffer(0x4000, AMDGPU_GEM_DOMAIN_GTT, 0);
    const size_t journeys = host.sent.size();
    GemVa va{};
    va.base.handle = buffer;
    va.base.operation = AMDGPU_VA_OP_MAP;
    va.base.flags = AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_EXECUTABLE;
    va.base.va_address = 0x100000;
    va.base.offset_in_bo = 0x1000;
    va.base.map_size = 0x3000;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_VA, va.base), 0);
    EXPECT_EQ(host.sent.size(), journeys);
    EXPECT_EQ(submit(context, 1, 2), 0);
    ASSERT_EQ(host.sent.size(), journeys + 2);
    EXPECT_EQ(host.sent[journeys].commands,
              std::vector<uint32_t>{static_cast<uint32_t>(Command::kBoVaOp)});
    EXPECT_EQ(host.sent.back().ring, 4u);
    EXPECT_EQ(host.sent.back().commands,
              std::vector<uint32_t>{static_cast<uint32_t>(Command::kCsSubmit)});
    EXPECT_EQ(submit(context, 1, 2), 0);
    EXPECT_EQ(host.sent.size(), journeys + 3);
    const auto request = host.received(Command::kBoVaOp)[0].as<wire::BoVaOpRequest>();
    EXPECT_EQ(request.va, 0x100000u);
    EXPECT_EQ(request.offset, 0x1000u);
    EXPECT_EQ(request.vm_map_size, 0x3000u);
    EXPECT_EQ(request.flags, uint64_t{AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_EXECUTABLE});
    EXPECT_EQ(request.op, uint32_t{AMDGPU_VA_OP_MAP});
    EXPECT_EQ(request.res_id, 3u);  // the control buffer is 2
    EXPECT_EQ(request.flags2, 0u);
}

TEST_F(DriverTest, SparseMappingsNameNoBuffer) {
    GemVa va{};
    va.base.operation = AMDGPU_VA_OP_MAP;
    va.base.flags = AMDGPU_VM_PAGE_PRT;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_VA, va.base), 0);
    va.base.flags = 0;
    va.base.operation = AMDGPU_VA_OP_CLEAR;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_VA, va.base), 0);
    va.base.operation = AMDGPU_VA_OP_MAP;
    va.base.handle = 999;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_VA, va.base), -ENOENT);
    create_context();
    const auto requests = host.received(Command::kBoVaOp);
    ASSERT_EQ(requests.size(), 2u);
    for (const test::Received& each : requests) {
        EXPECT_EQ(each.as<wire::BoVaOpRequest>().flags2, wire::kVaFlags2Sparse);
        EXPECT_EQ(each.as<wire::BoVaOpRequest>().res_id, 0u);
    }
}

/// A mapping that the host has no memory for, which shows when the driver has gone on.
class DriverMissingMappings : public DriverTest {
  protected:
    int change(uint32_t operation, uint32_t handle) {
        GemVa va{};
        va.base.handle = handle;
        va.base.operation = operation;
        va.base.va_address = 0x200000;
        va.base.map_size = 0x4000;
        return call(DRM_IOCTL_AMDGPU_GEM_VA, va);
    }
    void map_without_memory(uint32_t handle) {
        fail_mappings(-ENOMEM);
        EXPECT_EQ(change(AMDGPU_VA_OP_MAP, handle), 0);
        EXPECT_EQ(submit_with(handle), -ENOMEM);
    }
    void fail_mappings(int error) { host.results[static_cast<uint32_t>(Command::kBoVaOp)] = error; }
    int submit_with(uint32_t handle) {
        const drm_amdgpu_bo_list_entry entry{handle, 0};
        const drm_amdgpu_bo_list_in list{~0u, ~0u, 1, sizeof(entry), user_pointer(&entry)};
        return submit(context, 0, 0, nullptr,
                      {{AMDGPU_CHUNK_ID_BO_HANDLES, sizeof(list) / 4, user_pointer(&list)}});
    }
    size_t submissions() const { return host.received(Command::kCsSubmit).size(); }

    const uint32_t context = create_context();
    const uint32_t buffer = create_buffer(0x4000, AMDGPU_GEM_DOMAIN_GTT, 0);
    const uint32_t other = create_buffer(0x4000, AMDGPU_GEM_DOMAIN_GTT, 0);
};

TEST_F(DriverMissingMappings, IsMadeByTheNextSubmissionThatFindsMemory) {
    map_without_memory(buffer);
    EXPECT_EQ(submissions(), 0u);
    fail_mappings(0);
    EXPECT_EQ(submit_with(buffer), 0);
    const auto made = host.received(Command::kBoVaOp).back().as<wire::BoVaOpRequest>();
    EXPECT_EQ(made.op, uint32_t{AMDGPU_VA_OP_MAP});
    EXPECT_EQ(made.va, 0x200000u);
    EXPECT_EQ(made.vm_map_size, 0x4000u);
    EXPECT_EQ(submissions(), 1u);
    EXPECT_EQ(state_flags(context), 0u);
}

TEST_F(DriverMissingMappings, HoldsUpNobodyElse) {
    map_without_memory(buffer);
    EXPECT_EQ(submit_with(other), 0);
    EXPECT_EQ(host.received(Command::kBoVaOp).back().as<wire::BoVaOpRequest>().op,
              uint32_t{AMDGPU_VA_OP_UNMAP})
        << "the host refuses work while it takes the range for unnoticed";
    EXPECT_EQ(submit_with(buffer), -ENOMEM);
    EXPECT_EQ(submit_with(other), 0);
    EXPECT_EQ(state_flags(context), 0u);
}

TEST_F(DriverMissingMappings, OfABufferThatIsAlwaysValidHoldsUpEverything) {
    const uint32_t always =
        create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, AMDGPU_GEM_CREATE_VM_ALWAYS_VALID);
    fail_mappings(-ENOMEM);
    EXPECT_EQ(change(AMDGPU_VA_OP_MAP, always), 0);
    EXPECT_EQ(submit_with(other), -ENOMEM);
}

TEST_F(DriverMissingMappings, EndsWithAnUnmap) {
    map_without_memory(buffer);
    EXPECT_EQ(change(AMDGPU_VA_OP_UNMAP, buffer), 0);
    EXPECT_EQ(submit_with(buffer), 0);
}

TEST_F(DriverMissingMappings, EndsWithItsBuffer) {
    const uint32_t always =
        create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, AMDGPU_GEM_CREATE_VM_ALWAYS_VALID);
    fail_mappings(-ENOMEM);
    EXPECT_EQ(change(AMDGPU_VA_OP_MAP, always), 0);
    EXPECT_EQ(submit_with(other), -ENOMEM);
    drm_gem_close close{always, 0};
    EXPECT_EQ(call(DRM_IOCTL_GEM_CLOSE, close), 0);
    EXPECT_EQ(submit_with(other), 0);
}

// The failure is found out when the driver has given the range up.
TEST_F(DriverMissingMappings, AreForgottenWithWhatUndidThemSince) {
    fail_mappings(-ENOMEM);
    EXPECT_EQ(change(AMDGPU_VA_OP_MAP, buffer), 0);
    EXPECT_EQ(change(AMDGPU_VA_OP_UNMAP, buffer), 0);
    EXPECT_EQ(submit_with(buffer), 0);
    const uint32_t always =
        create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, AMDGPU_GEM_CREATE_VM_ALWAYS_VALID);
    EXPECT_EQ(change(AMDGPU_VA_OP_MAP, always), 0);
    drm_gem_close close{always, 0};
    EXPECT_EQ(call(DRM_IOCTL_GEM_CLOSE, close), 0);
    EXPECT_EQ(submit_with(buffer), 0);
}

// A small buffer whose creation nobody waited for: the host does not have it.
TEST_F(DriverMissingMappings, OfABufferThatDoesNotExistIsAFullGpu) {
    fail_mappings(-EINVAL);
    host.add_async_error();
    EXPECT_EQ(change(AMDGPU_VA_OP_MAP, buffer), 0);
    EXPECT_EQ(submit_with(buffer), -ENOMEM);
    EXPECT_EQ(submit_with(other), 0);
    EXPECT_EQ(state_flags(context), 0u);
}

TEST_F(DriverMissingMappings, AreFoundBehindMoreMappingsThanThereAreReceipts) {
    map_without_memory(buffer);
    fail_mappings(0);
    for (uint32_t i = 0; i < 3 * Receipts::kSlots; ++i)
        ASSERT_EQ(change(i % 2 ? AMDGPU_VA_OP_UNMAP : AMDGPU_VA_OP_REPLACE, other), 0);
    fail_mappings(-ENOMEM);
    EXPECT_EQ(change(AMDGPU_VA_OP_REPLACE, other), 0);
    EXPECT_EQ(submit_with(other), -ENOMEM);
}

}  // namespace
}  // namespace viaduct::guest::amdgpu
