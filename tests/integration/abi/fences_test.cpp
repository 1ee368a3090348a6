// Fences, rings and time (E).
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>

#include "tests/integration/abi/vmm.h"

namespace viaduct::test {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kMergeable = VIRGL_RENDERER_FENCE_FLAG_MERGEABLE;

bool is_signalled(int fd) {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, 0) > 0;
}

uint32_t result_in(const MappedResource& memory) {
    return std::atomic_ref(memory.words()[1024]).load();
}

class Fences : public ::testing::Test {
  protected:
    /// Starts work that keeps `busy_` so until release().
    void keep_busy() {
        work_ = busy_.submit_held_write(gpu_context_, 1);
        ASSERT_NE(work_, 0u);
    }
    void release() { release_work(work_); }
    /// A sync file of that work.
    int busy_fence() {
        const uint64_t id = vmm_.next_fence_id();
        EXPECT_EQ(busy_.create_fence(gpu_context_.ring, id), 0);
        int fd = -1;
        EXPECT_EQ(virgl_renderer_export_fence(id, &fd), 0);
        EXPECT_FALSE(is_signalled(fd));
        return fd;
    }
    /// As an in-fence of what `guest_` submits next.
    void attach(int sync_file) {
        EXPECT_GE(sync_file, 0);
        EXPECT_EQ(virgl_renderer_attach_fence(static_cast<int>(guest_.id()), sync_file), 0);
    }
    /// On an engine that the busy work does not need, so that nothing but the in-fence holds it: a
    /// later submission of another guest passes it there.
    void expect_next_submission_is_held() {
        GuestContext other(vmm_, 4);
        const GpuContext first = guest_.create_gpu_context(Engine::kSecond);
        const GpuContext second = other.create_gpu_context(Engine::kSecond);
        const MappedResource held(guest_.submit_write(first, 0x55));
        const uint64_t id = vmm_.next_fence_id();
        EXPECT_EQ(guest_.create_fence(first.ring, id), 0);
        const MappedResource passing(other.submit_write(second, 0x66));
        ASSERT_TRUE(held.valid() && passing.valid());
        EXPECT_TRUE(eventually([&] { return result_in(passing) == 0x66; }));
        EXPECT_EQ(result_in(held), 0u) << "ran before what it waited for";
        EXPECT_EQ(vmm_.times_reported(id), 0u);
        release();
        EXPECT_TRUE(vmm_.wait_fence(id));
        EXPECT_EQ(result_in(held), 0x55u);
    }

    Vmm vmm_{60s};  // however slow the machine, a held fence is not a hang
    GuestContext guest_{vmm_, 1};
    GuestContext busy_{vmm_, 2};
    GpuContext gpu_context_ = busy_.create_gpu_context();
    uint32_t work_ = 0;
};

TEST_F(Fences, OnAnyRing) {  // E1
    for (const uint32_t ring : {0u, 1u, 9u, 10u, 11u, 62u, 63u, 64u, 255u, 0xffffffffu})
        EXPECT_TRUE(guest_.fence_retires(ring)) << ring;
}

TEST_F(Fences, ASecondOneWaitsForTheFirst) {  // E2
    keep_busy();
    const uint64_t first = vmm_.next_fence_id(), second = vmm_.next_fence_id();
    EXPECT_EQ(busy_.create_fence(gpu_context_.ring, first), 0);
    EXPECT_EQ(busy_.create_fence(gpu_context_.ring, second), 0);
    EXPECT_TRUE(busy_.fence_retires(0)) << "the CPU's ring does not wait";
    EXPECT_EQ(vmm_.times_reported(second), 0u) << "retired before the work was done";
    release();
    EXPECT_TRUE(vmm_.wait_fence(second));
    EXPECT_EQ(vmm_.reported(2, gpu_context_.ring), (std::vector{first, second}));
}

TEST_F(Fences, ForAnUnknownContext) {  // E3
    EXPECT_EQ(virgl_renderer_context_create_fence(99, 0, 1, 1000), -EINVAL);
    int fd = 7;
    EXPECT_EQ(virgl_renderer_export_fence(1000, &fd), -EINVAL);
    EXPECT_EQ(fd, -1);
}

TEST_F(Fences, AHundredThousandBehindOneSlowJob) {  // E4
    keep_busy();
    const auto before = ProcessUse::now();
    std::vector<uint64_t> expected;
    for (int i = 0; i < 100000; ++i) {
        expected.push_back(vmm_.next_fence_id());
        ASSERT_EQ(busy_.create_fence(gpu_context_.ring, expected.back(), kMergeable), 0);
    }
    EXPECT_LE(ProcessUse::now().descriptors, before.descriptors + 4);
    EXPECT_TRUE(vmm_.reported(2, gpu_context_.ring).empty());
    release();
    EXPECT_TRUE(vmm_.wait_fence(expected.back()));
    EXPECT_EQ(vmm_.reported(2, gpu_context_.ring), expected);
}

TEST_F(Fences, OddIds) {  // E5
    for (const uint64_t id : {5ull, 5ull, 3ull, 1ull << 40, 0ull})
        EXPECT_EQ(guest_.create_fence(0, id), 0);
    EXPECT_TRUE(guest_.fence_retires(0));
    EXPECT_EQ(vmm_.reported(1, 0).size(), 6u);
}

TEST_F(Fences, RetireInTheOrderOfTheirRing) {  // E5
    keep_busy();
    std::vector<uint64_t> all, wanted;
    for (uint64_t id = 5000; id > 4000; --id) {
        const bool may_be_skipped = id % 3 == 0;
        EXPECT_EQ(busy_.create_fence(gpu_context_.ring, id, may_be_skipped ? kMergeable : 0), 0);
        EXPECT_EQ(guest_.create_fence(gpu_context_.ring, id + 10000), 0) << "another guest's";
        EXPECT_EQ(busy_.create_fence(0, id + 20000), 0) << "another ring's";
        all.push_back(id);
        if (!may_be_skipped) wanted.push_back(id);
    }
    EXPECT_TRUE(vmm_.wait_fence(14001));
    EXPECT_TRUE(vmm_.wait_fence(24001));
    EXPECT_TRUE(vmm_.reported(2, gpu_context_.ring).empty());
    release();
    EXPECT_TRUE(vmm_.wait_fence(4001));
    std::vector<uint64_t> left = vmm_.reported(2, gpu_context_.ring);
    EXPECT_TRUE(std::ranges::is_sorted(left, std::greater<>())) << "as they were created";
    EXPECT_TRUE(std::ranges::includes(all, left, std::greater<>())) << "each once";
    EXPECT_TRUE(std::ranges::includes(left, wanted, std::greater<>())) << "none is missing";
}

// Others may wait for it, and look at what it wrote.
TEST_F(Fences, WorkOfADestroyedContextIsFinished) {
    auto mortal = std::make_unique<GuestContext>(vmm_, 3);
    const GpuContext gpu_context = mortal->create_gpu_context();
    const MappedResource first(mortal->submit_held_write(gpu_context, 0x77));
    const uint64_t id = vmm_.next_fence_id();
    EXPECT_EQ(mortal->create_fence(gpu_context.ring, id), 0);
    const MappedResource last(mortal->submit_write(gpu_context, 0x88, 0x9000'0000));
    ASSERT_TRUE(first.valid() && last.valid());
    mortal.reset();
    EXPECT_TRUE(guest_.settle());
    EXPECT_EQ(vmm_.times_reported(id), 0u) << "retired before the work was done";
    release_work(first);
    EXPECT_TRUE(vmm_.wait_fence(id));
    EXPECT_EQ(result_in(first), 0x77u);
    EXPECT_TRUE(eventually([&] { return result_in(last) == 0x88; })) << "no fence is behind it";
}

TEST(FencesAtAHang, DestroyingAContextReturnsAtOnceAndItsFencesRetire) {  // E6
    Vmm vmm;
    GuestContext guest(vmm, 1);
    auto hanging = std::make_unique<GuestContext>(vmm, 3, GuestContext::Control::kCreate, "hang");
    const GpuContext gpu_context = hanging->create_gpu_context();
    ASSERT_NE(hanging->submit_write(gpu_context, 1), 0u);
    const uint64_t id = vmm.next_fence_id();
    EXPECT_EQ(hanging->create_fence(gpu_context.ring, id), 0);
    hanging.reset();
    EXPECT_TRUE(guest.fence_retires(0)) << "others go on";
    EXPECT_TRUE(vmm.wait_fence(id));
    EXPECT_EQ(vmm.times_reported(id), 1u);
}

TEST(FencesAtReset, NoneIsReportedAfterwards) {  // E6, E10
    uint64_t id = 0;
    {
        Vmm vmm;
        GuestContext hanging(vmm, 1, GuestContext::Control::kCreate, "hang");
        const GpuContext gpu_context = hanging.create_gpu_context();
        ASSERT_NE(hanging.submit_write(gpu_context, 1), 0u);
        id = vmm.next_fence_id();
        EXPECT_EQ(hanging.create_fence(gpu_context.ring, id), 0);
        virgl_renderer_reset();
        const size_t reported = vmm.times_reported(id);
        ::usleep(1'000'000);  // past the hang's end
        EXPECT_EQ(vmm.times_reported(id), reported);
        GuestContext next(vmm, 1);
        EXPECT_TRUE(next.fence_retires(0)) << "the library serves on";
    }
}

TEST(FencesAtReset, ItWaitsForNoWork) {  // E6
    Vmm vmm(5s);
    GuestContext hanging(vmm, 1, GuestContext::Control::kCreate, "hang");
    const GpuContext gpu_context = hanging.create_gpu_context();
    ASSERT_NE(hanging.submit_write(gpu_context, 1), 0u);
    const uint64_t id = vmm.next_fence_id();
    EXPECT_EQ(hanging.create_fence(gpu_context.ring, id), 0);
    for (int i = 0; i < 10000; ++i)
        EXPECT_EQ(hanging.create_fence(gpu_context.ring, vmm.next_fence_id()), 0);
    virgl_renderer_reset();
    GuestContext next(vmm, 1);
    EXPECT_TRUE(next.settle());
    EXPECT_EQ(vmm.times_reported(id), 0u) << "the work has its five seconds, and nobody else";
}

TEST_F(Fences, InFencesOfAnyKind) {  // E8
    alignas(8) uint32_t nothing[4] = {0, 16, 0, 0};
    std::vector<uint64_t> ids(100000);
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = 1'000'000 + i;
    EXPECT_EQ(
        virgl_renderer_submit_cmd2(nothing, 1, 4, ids.data(), static_cast<uint32_t>(ids.size())), 0)
        << "unknown ids count as signalled";
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    EXPECT_EQ(virgl_renderer_attach_fence(99, ends[0]), EINVAL);
    ::close(ends[0]);
    virgl_renderer_attach_fence(1, ends[1]);  // no sync file: taken, and the submission fails
    EXPECT_TRUE(guest_.settle());
}

TEST_F(Fences, AMillionInFencesAreTakenAtOnce) {  // E8
    keep_busy();
    std::vector<uint64_t> ids(1'000'000);
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = 1'000'000'000 + i;  // of nobody
    for (size_t i = 0; i < 1000; ++i) {
        ids[i * 1000] = vmm_.next_fence_id();  // of another context, and pending
        EXPECT_EQ(busy_.create_fence(gpu_context_.ring, ids[i * 1000]), 0);
    }
    const auto before = ProcessUse::now();
    alignas(8) uint32_t nothing[4] = {0, 16, 0, 0};
    EXPECT_EQ(
        virgl_renderer_submit_cmd2(nothing, 1, 4, ids.data(), static_cast<uint32_t>(ids.size())),
        0);
    EXPECT_EQ(vmm_.times_reported(ids[0]), 0u) << "nobody waited for it";
    EXPECT_LE(ProcessUse::now().descriptors, before.descriptors + 8);
    EXPECT_EQ(virgl_renderer_submit_cmd2(nothing, 1, 4, nullptr, UINT32_MAX), EINVAL);
    release();
    EXPECT_TRUE(vmm_.wait_fence(ids[999'000]));
    EXPECT_TRUE(guest_.settle());
}

/// Does not return from the callback of one fence until it is released.
class SlowVmm : public Vmm {
  public:
    using Vmm::Vmm;
    static constexpr uint64_t kHeld = 123456;
    std::atomic<bool> is_held = false;
    std::atomic<bool> may_go = false;

  private:
    void context_fence(uint32_t ctx_id, uint32_t ring_idx, uint64_t fence_id) override {
        is_held = fence_id == kHeld;
        if (is_held) eventually([&] { return may_go.load(); });
        Vmm::context_fence(ctx_id, ring_idx, fence_id);
    }
};

TEST(FencesOfASlowVmm, HoldNoOtherCall) {  // E9
    SlowVmm vmm;
    GuestContext guest(vmm, 1), other(vmm, 2);
    ASSERT_EQ(guest.create_fence(0, SlowVmm::kHeld), 0);
    ASSERT_TRUE(eventually([&] { return vmm.is_held.load(); }));
    const uint64_t later = vmm.next_fence_id();
    EXPECT_EQ(other.create_fence(0, later), 0);
    const MappedResource memory(other.create_buffer(4096));
    EXPECT_TRUE(memory.valid());
    EXPECT_NE(other.create_gpu_context().ring, 0u) << "commands are answered";
    { const GuestContext third(vmm, 3); }
    virgl_renderer_context_destroy(1);
    EXPECT_EQ(vmm.times_reported(SlowVmm::kHeld), 0u) << "a call waited for the callback";
    vmm.may_go = true;
    EXPECT_TRUE(vmm.wait_fence(later));
    EXPECT_EQ(vmm.times_reported(SlowVmm::kHeld), 1u);
}

TEST_F(Fences, AnInFenceHoldsTheNextSubmission) {
    keep_busy();
    attach(busy_fence());
    expect_next_submission_is_held();
}

TEST_F(Fences, TheFirstOfTwoInFencesHoldsToo) {
    keep_busy();
    attach(busy_fence());
    attach(virgl_renderer_export_signalled_fence());
    expect_next_submission_is_held();
}

TEST_F(Fences, TheSecondOfTwoInFencesHoldsToo) {
    keep_busy();
    attach(virgl_renderer_export_signalled_fence());
    attach(busy_fence());
    expect_next_submission_is_held();
}

TEST_F(Fences, ExportedOnesSignalWithTheFence) {
    keep_busy();
    const uint64_t id = vmm_.next_fence_id();
    ASSERT_EQ(busy_.create_fence(gpu_context_.ring, id), 0);
    const UniqueFd fence(virgl_renderer_get_fence_fd(id));
    ASSERT_TRUE(fence.valid());
    EXPECT_FALSE(is_signalled(fence.get()));
    release();
    EXPECT_TRUE(vmm_.wait_fence(id));
    EXPECT_TRUE(is_signalled(fence.get()));
    EXPECT_EQ(virgl_renderer_get_fence_fd(id), -1) << "retired";
    const UniqueFd signalled(virgl_renderer_export_signalled_fence());
    EXPECT_TRUE(signalled.valid() && is_signalled(signalled.get()));
}

TEST_F(Fences, OneContextsSlowWorkDoesNotHoldAnother) {
    keep_busy();
    const uint64_t slow = vmm_.next_fence_id();
    ASSERT_EQ(busy_.create_fence(gpu_context_.ring, slow), 0);
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(guest_.settle());
    EXPECT_TRUE(guest_.fence_retires(0));
    EXPECT_EQ(vmm_.times_reported(slow), 0u);
    release();
    EXPECT_TRUE(vmm_.wait_fence(slow));
}

}  // namespace
}  // namespace viaduct::test
