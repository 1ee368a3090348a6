// A VM that has used up its share of GPU time (5 per cent here): what waits, and what does not.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/budget/metrics.h"

namespace viaduct::test {
namespace {

constexpr uint64_t kVa = 0x8000'0000;

TEST(Hold, SubmissionsWaitAndNewBuffersGoAhead) {
    constexpr int kJobs = 24;  // of 5 ms
    Vmm vmm;
    GuestContext guest(vmm, 1, GuestContext::Control::kCreate, "load");
    const GpuContext context = guest.create_gpu_context();
    const uint32_t batch = guest.create_batch(kVa);
    ASSERT_NE(batch, 0u);

    std::vector<uint64_t> fences;
    for (int i = 0; i < kJobs; ++i) {
        guest.send(guest.submission(context, kVa, batch));
        fences.push_back(vmm.next_fence_id());
        ASSERT_EQ(guest.create_fence(context.ring, fences.back()), 0);
    }
    // Made, mapped and gone while submissions wait; resource ids may come again at once.
    for (int i = 0; i < 5; ++i) {
        const uint64_t blob_id = guest.next_blob_id();
        guest.send(guest.driver().make_buffer(blob_id, 4096));  // its answer comes in its turn
        const uint32_t other = guest.claim_buffer(blob_id, 4096);
        ASSERT_NE(other, 0u);
        EXPECT_TRUE(MappedResource(other).valid());
        virgl_renderer_resource_unref(other);
    }
    EXPECT_EQ(vmm.times_reported(fences.back()), 0u);
    // The guest hears of its commands in their order, and of all of them.
    ASSERT_TRUE(vmm.wait_fence(fences.back()));
    EXPECT_EQ(vmm.reported(1, context.ring), fences);
    const std::string socket = std::getenv("VIADUCT_METRICS") + std::string_view("unix:").size();
    EXPECT_GT(sum_of(read_metrics(socket), "viaduct_context_held_seconds_total"), 0.1);
    EXPECT_TRUE(guest.settle());
    EXPECT_EQ(guest.loss_field(), 0u);
}

TEST(Hold, AContextThatGoesDoesNotWaitForItsShare) {
    Vmm vmm;
    const auto before = ProcessUse::now();
    {
        GuestContext guest(vmm, 1, GuestContext::Control::kCreate, "load");
        const GpuContext context = guest.create_gpu_context();
        const uint32_t batch = guest.create_batch(kVa);
        for (int i = 0; i < 100; ++i) guest.send(guest.submission(context, kVa, batch));
    }
    EXPECT_TRUE(vmm.returns_to(before));
}

// Without a share. The kernel's CS ioctl would sleep at the 33rd, for as long as the first job
// hangs.
TEST(Backlog, NewBuffersGoAheadOfSubmissionsThatTheKernelWouldBlockOn) {
    Vmm vmm(std::chrono::seconds(4));  // longer than a call is waited for
    GuestContext guest(vmm, 1, GuestContext::Control::kCreate, "stall");
    const GpuContext context = guest.create_gpu_context();
    const uint32_t batch = guest.create_batch(kVa);
    for (int i = 0; i < 50; ++i) guest.send(guest.submission(context, kVa, batch));
    // As guests do: nobody waits for the command's end, which is behind the submissions'.
    const uint64_t blob_id = guest.next_blob_id();
    guest.send(guest.driver().make_buffer(blob_id, 4096));
    const uint32_t buffer = vmm.next_res_id();
    ASSERT_EQ(guest.create_blob(buffer, blob_id, 4096), 0);
    EXPECT_TRUE(MappedResource(buffer).valid());
    EXPECT_EQ(guest.loss_field(), 0u) << "the hang is over: this test shows nothing";
}

}  // namespace
}  // namespace viaduct::test
