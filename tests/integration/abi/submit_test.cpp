// Hostile submissions to the GPU (D).
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/integration/abi/vmm.h"

namespace viaduct::test {
namespace {

constexpr uint64_t kVa = 0x8000'0000;

class Submissions : public ::testing::Test {
  protected:
    int submit(GuestContext& guest, const GpuContext& context, uint32_t res_id) {
        return guest.ask(guest.submission(context, kVa, res_id));
    }
    Vmm vmm_;
    GuestContext guest_{vmm_, 1};
    GpuContext gpu_context_ = guest_.create_gpu_context();
};

TEST_F(Submissions, UnknownResources) {  // D1
    EXPECT_EQ(guest_.map(4711, kVa, 4096), guest_.facts().unknown_resource);
    EXPECT_EQ(guest_.loss_field(), 0u) << "the guest may have closed it: no reason to be lost";
    EXPECT_TRUE(vmm_.wait_log("4711")) << "errors name what was wrong";
    EXPECT_TRUE(guest_.settle());
}

TEST_F(Submissions, UnknownGpuContexts) {  // D2
    const uint32_t batch = guest_.create_batch(kVa);
    ASSERT_NE(batch, 0u);
    GpuContext destroyed = guest_.create_gpu_context();
    guest_.driver().destroy_gpu_context(destroyed);
    EXPECT_NE(submit(guest_, destroyed, batch), 0);
    for (const uint32_t id : {77u, UINT32_MAX}) {
        destroyed.id = id;
        EXPECT_NE(submit(guest_, destroyed, batch), 0) << id;
    }
    EXPECT_EQ(submit(guest_, gpu_context_, batch), 0) << "others are there still";
    EXPECT_TRUE(guest_.fence_retires(gpu_context_.ring));
}

TEST_F(Submissions, AnotherGuestsGpuContextsMeanNothing) {  // D9
    GuestContext other(vmm_, 2);
    const uint32_t batch = guest_.create_batch(kVa);
    // Ids are counted per file: more of them, so that one is certainly not ours.
    GpuContext foreign;
    for (int i = 0; i < 5; ++i) foreign = other.create_gpu_context();
    EXPECT_NE(submit(guest_, foreign, batch), 0);
    EXPECT_EQ(submit(other, foreign, other.create_batch(kVa)), 0);
}

// The two have buffers at the same address of their own address spaces.
TEST_F(Submissions, OneGuestsAddressesAreNotAnothers) {
    GuestContext other(vmm_, 2);
    const GpuContext others = other.create_gpu_context();
    const uint32_t ours = guest_.submit_write(gpu_context_, 0x1111);
    const uint32_t theirs = other.submit_write(others, 0x2222);
    ASSERT_TRUE(ours != 0 && theirs != 0);
    EXPECT_TRUE(guest_.fence_retires(gpu_context_.ring));
    EXPECT_TRUE(other.fence_retires(others.ring));
    EXPECT_EQ(MappedResource(ours).words()[1024], 0x1111u);
    EXPECT_EQ(MappedResource(theirs).words()[1024], 0x2222u);
}

TEST_F(Submissions, AHangCostsItsOwnContextOnly) {  // D15
    GuestContext hanging(vmm_, 2, GuestContext::Control::kCreate, "hang");
    const GpuContext its_context = hanging.create_gpu_context();
    ASSERT_NE(hanging.submit_write(its_context, 1), 0u);
    const uint64_t lost = vmm_.next_fence_id();
    EXPECT_EQ(hanging.create_fence(its_context.ring, lost), 0);

    const uint32_t res_id = guest_.submit_write(gpu_context_, 0x1234);
    ASSERT_NE(res_id, 0u);
    EXPECT_TRUE(guest_.fence_retires(gpu_context_.ring));
    EXPECT_EQ(MappedResource(res_id).words()[1024], 0x1234u);

    EXPECT_TRUE(vmm_.wait_fence(lost));
    EXPECT_TRUE(hanging.driver().shows_loss(its_context)) << "told before its fence retired";
    EXPECT_EQ(guest_.loss_field(), 0u);
    ASSERT_NE(guest_.submit_write(gpu_context_, 0x1235, 0x9000'0000), 0u);
    EXPECT_TRUE(guest_.fence_retires(gpu_context_.ring));
}

TEST_F(Submissions, NonsenseCostsItsOwnContextOnly) {  // D15
    GuestContext faulting(vmm_, 2);
    const GpuContext its_context = faulting.create_gpu_context();
    EXPECT_EQ(faulting.driver().submit_nonsense(its_context), 0);
    EXPECT_TRUE(faulting.fence_retires(its_context.ring));
    EXPECT_TRUE(faulting.driver().shows_loss(its_context));
    ASSERT_NE(guest_.submit_write(gpu_context_, 7), 0u);
    EXPECT_TRUE(guest_.fence_retires(gpu_context_.ring));
    EXPECT_EQ(guest_.loss_field(), 0u);
}

TEST_F(Submissions, AnotherGpuContextOfTheSameGuestGoesOnAfterAHang) {     // D15
    GuestContext guest(vmm_, 2, GuestContext::Control::kCreate, "stall");  // its first job hangs
    const GpuContext hanging = guest.create_gpu_context();
    const GpuContext other = guest.create_gpu_context(Engine::kSecond);
    ASSERT_NE(guest.submit_write(hanging, 1), 0u);
    EXPECT_TRUE(guest.fence_retires(hanging.ring));
    EXPECT_TRUE(guest.driver().shows_loss(hanging));
    const uint32_t res_id = guest.submit_write(other, 0x77, 0x9000'0000);
    ASSERT_NE(res_id, 0u);
    EXPECT_TRUE(guest.fence_retires(other.ring));
    EXPECT_EQ(MappedResource(res_id).words()[1024], 0x77u);
    EXPECT_TRUE(guest.settle());
}

TEST_F(Submissions, WhatIsRefusedReleasesItsInFence) {  // D17
    const uint32_t batch = guest_.create_batch(kVa);
    GpuContext nobodys = gpu_context_;
    nobodys.id = 77;
    EXPECT_TRUE(guest_.settle());
    const auto before = ProcessUse::now();
    for (int i = 0; i < 50; ++i) {
        const int fence = virgl_renderer_export_signalled_fence();
        if (fence >= 0) {
            EXPECT_EQ(virgl_renderer_attach_fence(1, fence), 0);
        }
        EXPECT_NE(submit(guest_, nobodys, batch), 0);
    }
    EXPECT_TRUE(guest_.settle());
    EXPECT_LE(ProcessUse::now().descriptors, before.descriptors + 2);
}

TEST_F(Submissions, MemoryThatIsNotThereIsRefused) {
    for (const uint64_t size :
         {uint64_t{1} << 40, uint64_t{1} << 62, UINT64_MAX, UINT64_MAX - 4095, uint64_t{0}}) {
        const uint64_t blob_id = guest_.next_blob_id();
        const uint64_t errors = guest_.loss_field();
        guest_.make_buffer(blob_id, size);
        EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), blob_id, 4096), -ENOENT) << size;
        // A size that makes sense fails for want of memory, which costs no context.
        const bool makes_sense = size == uint64_t{1} << 40;
        EXPECT_EQ(guest_.loss_field(), errors + guest_.counted(makes_sense ? 0 : 1)) << size;
    }
    GuestContext poor(vmm_, 2, GuestContext::Control::kCreate, "poor");
    EXPECT_EQ(poor.create_buffer(1 << 20), 0u);
    EXPECT_EQ(poor.loss_field(), 0u) << "the kernel's own shortage costs no context";
    EXPECT_NE(poor.create_buffer(4096), 0u);
    EXPECT_NE(guest_.create_buffer(1 << 20), 0u) << "a neighbour has what it needs";
}

}  // namespace
}  // namespace viaduct::test
