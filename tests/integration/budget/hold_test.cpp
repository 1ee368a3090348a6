// A VM that has used up its share of GPU time (5 per cent here): what waits, and what does not.
#include <amdgpu_drm.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <cstring>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/budget/metrics.h"

namespace viaduct::test {
namespace {

namespace w = wire::amdgpu;

TEST(Hold, SubmissionsWaitAndNewBuffersGoAhead) {
    constexpr uint64_t kVa = 0x8000'0000;
    constexpr uint32_t kNop = 0xffff1000;  // PKT3_NOP of one dword (mesa: sid.h)
    constexpr int kJobs = 24;              // of 5 ms
    Vmm vmm;
    GuestContext guest(vmm, 1, GuestContext::Control::kCreate, "load");
    const uint32_t context = guest.create_gpu_context();
    const uint32_t buffer = guest.create_buffer(4096);
    ASSERT_EQ(guest.map_va(buffer, kVa, 4096), 0);
    MappedResource(buffer).words()[0] = kNop;

    std::vector<uint64_t> fences;
    for (int i = 0; i < kJobs; ++i) {
        auto request = SubmitBuilder(context, 1).buffers({buffer}).ib(kVa, 4).build();
        guest.send_bytes(static_cast<uint32_t>(w::Command::kCsSubmit), request, 8);
        fences.push_back(vmm.next_fence_id());
        ASSERT_EQ(guest.create_fence(1, fences.back()), 0);
    }
    // Made, mapped and gone while submissions wait; resource ids may come again at once.
    for (int i = 0; i < 5; ++i) {
        const uint32_t other = guest.create_buffer(4096);
        ASSERT_NE(other, 0u);
        EXPECT_TRUE(MappedResource(other).valid());
        virgl_renderer_resource_unref(other);
    }
    EXPECT_EQ(vmm.times_reported(fences.back()), 0u);
    // The guest hears of its commands in their order, and of all of them.
    ASSERT_TRUE(vmm.wait_fence(fences.back()));
    EXPECT_EQ(vmm.reported(1, 1), fences);
    const std::string socket = std::getenv("VIADUCT_METRICS") + std::string_view("unix:").size();
    EXPECT_GT(sum_of(read_metrics(socket), "viaduct_context_held_seconds_total"), 0.1);
    EXPECT_TRUE(guest.settle());
    EXPECT_EQ(guest.async_error(), 0u);
}

TEST(Hold, AContextThatGoesDoesNotWaitForItsShare) {
    Vmm vmm;
    const auto before = ProcessUse::now();
    {
        GuestContext guest(vmm, 1, GuestContext::Control::kCreate, "load");
        const uint32_t context = guest.create_gpu_context();
        for (int i = 0; i < 100; ++i) {
            auto request = SubmitBuilder(context, 1).ib(0x1000, 4).build();
            guest.send_bytes(static_cast<uint32_t>(w::Command::kCsSubmit), request, 0);
        }
    }
    EXPECT_TRUE(vmm.returns_to(before));
}

// Without a share. The kernel's CS ioctl would sleep at the 33rd, for as long as the first job
// hangs.
TEST(Backlog, NewBuffersGoAheadOfSubmissionsThatTheKernelWouldBlockOn) {
    Vmm vmm(std::chrono::seconds(4));  // longer than a call is waited for
    GuestContext guest(vmm, 1, GuestContext::Control::kCreate, "stall");
    const uint32_t context = guest.create_gpu_context();
    for (int i = 0; i < 50; ++i) {
        auto request = SubmitBuilder(context, 1).ib(0x1000, 4).build();
        guest.send_bytes(static_cast<uint32_t>(w::Command::kCsSubmit), request, 8);
    }
    // As guests do: nobody waits for the command's end, which is behind the submissions'.
    w::GemNewRequest wanted{};
    wanted.blob_id = guest.next_blob_id();
    wanted.alloc_size = 4096;
    wanted.preferred_heap = AMDGPU_GEM_DOMAIN_GTT;
    std::vector<std::byte> bytes(sizeof(wanted));
    std::memcpy(bytes.data(), &wanted, sizeof(wanted));
    guest.send_bytes(static_cast<uint32_t>(w::Command::kGemNew), bytes, 0);
    const uint32_t buffer = vmm.next_res_id();
    ASSERT_EQ(guest.create_blob(buffer, wanted.blob_id, 4096), 0);
    EXPECT_TRUE(MappedResource(buffer).valid());
    EXPECT_EQ(guest.async_error(), 0u) << "the hang is over: this test shows nothing";
}

}  // namespace
}  // namespace viaduct::test
