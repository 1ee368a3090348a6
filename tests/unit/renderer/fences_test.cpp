// Fences over the C ABI: rows E3, E5, E6, E8-E10 of the catalogue of hostile cases.
#include "vmm_fixture.h"

namespace viaduct::test {
namespace {

using ContextFence = std::tuple<uint32_t, uint32_t, uint64_t>;

TEST_F(Vmm, WithAsyncAFenceIsReportedWhereItRetires) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    ASSERT_EQ(virgl_renderer_context_create_fence(1, 0, 2, 1ull << 40), 0);
    EXPECT_TRUE(seen.context_fences.empty());
    gpu.retire();
    EXPECT_EQ(seen.context_fences, (std::vector<ContextFence>{{1, 2, 1ull << 40}}));
    EXPECT_EQ(virgl_renderer_create_fence(5, 0), 0);
    EXPECT_EQ(seen.fences, std::vector<uint32_t>{5}) << "nobody works on the global timeline";
}

// QEMU 10 registers a command after create_fence has returned.
TEST_F(Vmm, WithoutAsyncFencesWaitForAPoll) {
    ASSERT_EQ(init(VIRGL_RENDERER_DRM), 0);
    ASSERT_EQ(native_context(1), 0);
    gpu.retire_at_once = true;
    EXPECT_EQ(virgl_renderer_create_fence(5, 0), 0);
    EXPECT_EQ(virgl_renderer_context_create_fence(1, 0, 1, 6), 0);
    EXPECT_TRUE(seen.fences.empty());
    EXPECT_TRUE(seen.context_fences.empty());
    virgl_renderer_poll();
    EXPECT_EQ(seen.fences, std::vector<uint32_t>{5});
    EXPECT_EQ(seen.context_fences, (std::vector<ContextFence>{{1, 1, 6}}));
    EXPECT_EQ(virgl_renderer_context_create_fence(1, 0, 1, 7), 0);
    virgl_renderer_context_poll(1);
    EXPECT_EQ(seen.context_fences.size(), 2u);
    virgl_renderer_poll();
    EXPECT_EQ(seen.context_fences.size(), 2u) << "each once";
}

TEST_F(Vmm, FencesNeedAContext) {
    ASSERT_EQ(init(), 0);
    EXPECT_EQ(virgl_renderer_context_create_fence(1, 0, 0, 1), -EINVAL);
    EXPECT_EQ(virgl_renderer_context_create_fence(0, 0, 0, 1), -EINVAL);
    int fd = 5;
    EXPECT_EQ(virgl_renderer_export_fence(1, &fd), -EINVAL);
    EXPECT_EQ(fd, -1);
    EXPECT_TRUE(seen.context_fences.empty());
}

TEST_F(Vmm, EveryRingIndexAndRepeatedIdsAreAccepted) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    for (const uint32_t ring : {0u, 1u, 10u, 63u, 64u, 255u, UINT32_MAX})
        EXPECT_EQ(virgl_renderer_context_create_fence(1, 0, ring, 9), 0) << ring;
    EXPECT_EQ(virgl_renderer_context_create_fence(1, 1, 1, 3), 0) << "decreasing, mergeable";
    gpu.retire();
    EXPECT_EQ(seen.context_fences.size(), 8u);
}

TEST_F(Vmm, APendingFenceHasASyncFile) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    ASSERT_EQ(native_context(2), 0);
    ASSERT_EQ(virgl_renderer_context_create_fence(2, 0, 1, 9), 0);
    int fd = -1;
    ASSERT_EQ(virgl_renderer_export_fence(9, &fd), 0);
    UniqueFd first(fd);
    UniqueFd second(virgl_renderer_get_fence_fd(9));
    EXPECT_TRUE(second.valid());
    EXPECT_NE(first.get(), second.get());
    EXPECT_EQ(virgl_renderer_export_fence(9, nullptr), -EINVAL);
    gpu.retire();
    EXPECT_EQ(virgl_renderer_export_fence(9, &fd), -EINVAL);
    EXPECT_EQ(fd, -1);
    EXPECT_EQ(virgl_renderer_get_fence_fd(9), -1);
    const UniqueFd signalled(virgl_renderer_export_signalled_fence());
    EXPECT_TRUE(signalled.valid());
}

TEST_F(Vmm, SubmitWithFencesTakesEachPendingOneOnce) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    ASSERT_EQ(native_context(2), 0);
    ASSERT_EQ(virgl_renderer_context_create_fence(1, 0, 1, 9), 0);
    ASSERT_EQ(virgl_renderer_context_create_fence(1, 0, 2, 10), 0);
    std::vector<uint64_t> ids(1'000'000, 9);
    ids[5] = 10;
    ids[6] = 77;  // never was
    uint32_t word = 0;
    EXPECT_EQ(
        virgl_renderer_submit_cmd2(&word, 2, 1, ids.data(), static_cast<uint32_t>(ids.size())), 0);
    EXPECT_EQ(gpu.context(2).in_fences.size(), 2u);
    EXPECT_EQ(gpu.context(2).submissions.size(), 1u);
    EXPECT_EQ(virgl_renderer_submit_cmd2(&word, 2, 1, nullptr, 1), EINVAL);
    EXPECT_EQ(virgl_renderer_submit_cmd2(&word, 2, 1, nullptr, 0), 0);
    EXPECT_EQ(virgl_renderer_submit_cmd2(&word, 3, 1, ids.data(), 1), EINVAL);
}

// Whose fences retire in their order, whatever their ids.
TEST_F(Vmm, SubmitWithFencesAsksForTheLastOfARing) {
    ASSERT_EQ(init(), 0);
    for (const uint32_t ctx : {1u, 2u, 3u}) ASSERT_EQ(native_context(ctx), 0);
    for (const uint64_t id : {20u, 30u, 10u})
        ASSERT_EQ(virgl_renderer_context_create_fence(1, 0, 1, id), 0);
    ASSERT_EQ(virgl_renderer_context_create_fence(1, 0, 2, 40), 0);
    ASSERT_EQ(virgl_renderer_context_create_fence(3, 0, 1, 50), 0);
    uint64_t ids[] = {10, 20, 30, 40, 50};
    uint32_t word = 0;
    EXPECT_EQ(virgl_renderer_submit_cmd2(&word, 2, 1, ids, 5), 0);
    EXPECT_EQ(gpu.context(1).exports, (std::vector{FenceId(10), FenceId(40)}));
    EXPECT_EQ(gpu.context(3).exports, std::vector{FenceId(50)});
    EXPECT_EQ(gpu.context(2).in_fences.size(), 3u);
}

TEST_F(Vmm, SubmitWithFencesWaitsOnceForAContextThatHangs) {
    ASSERT_EQ(init(), 0);
    for (const uint32_t ctx : {1u, 2u, 3u}) ASSERT_EQ(native_context(ctx), 0);
    std::vector<uint64_t> ids;
    for (uint32_t ring = 0; ring < 64; ++ring) {
        ASSERT_EQ(virgl_renderer_context_create_fence(1, 0, ring, ids.emplace_back(100 + ring)), 0);
        ASSERT_EQ(virgl_renderer_context_create_fence(3, 0, ring, ids.emplace_back(200 + ring)), 0);
    }
    gpu.context(1).export_error = ETIMEDOUT;
    uint32_t word = 0;
    EXPECT_EQ(
        virgl_renderer_submit_cmd2(&word, 2, 1, ids.data(), static_cast<uint32_t>(ids.size())), 0);
    EXPECT_EQ(gpu.context(1).exports.size(), 1u);
    EXPECT_EQ(gpu.context(2).in_fences.size(), 64u) << "the other's count all the same";
    EXPECT_EQ(gpu.context(2).submissions.size(), 1u);
}

TEST_F(Vmm, AttachFenceTakesTheDescriptorIfTheContextExists) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(virgl_renderer_attach_fence(2, fd.get()), EINVAL);
    EXPECT_GE(::fcntl(fd.get(), F_GETFD), 0);
    EXPECT_EQ(virgl_renderer_attach_fence(1, fd.release()), 0);
    EXPECT_EQ(gpu.context(1).in_fences.size(), 1u);
    EXPECT_EQ(virgl_renderer_attach_fence(1, -1), -EINVAL);
}

TEST_F(Vmm, FencesOfADestroyedContextAreStillReported) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    ASSERT_EQ(virgl_renderer_context_create_fence(1, 0, 1, 9), 0);
    virgl_renderer_context_destroy(1);
    EXPECT_EQ(virgl_renderer_get_fence_fd(9), -1);
    gpu.retire();
    EXPECT_EQ(seen.context_fences, (std::vector<ContextFence>{{1, 1, 9}}));
}

// The old context's work goes on while the guest uses the id again. rutabaga and QEMU have all of
// their fences mergeable, and take a reported one for its ring's progress.
TEST_F(Vmm, AMergeableFenceIsNotReportedAfterALaterOneOfItsRing) {
    constexpr uint32_t kMergeable = VIRGL_RENDERER_FENCE_FLAG_MERGEABLE;
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    ASSERT_EQ(virgl_renderer_context_create_fence(1, kMergeable, 2, 10), 0);
    ASSERT_EQ(virgl_renderer_context_create_fence(1, 0, 2, 11), 0);
    ASSERT_EQ(virgl_renderer_context_create_fence(1, kMergeable, 3, 12), 0);
    virgl_renderer_context_destroy(1);
    ASSERT_EQ(native_context(1), 0);
    ASSERT_EQ(virgl_renderer_context_create_fence(1, kMergeable, 2, 20), 0);
    std::rotate(gpu.fences.begin(), gpu.fences.begin() + 3, gpu.fences.end());
    gpu.retire();
    EXPECT_EQ(seen.context_fences, (std::vector<ContextFence>{{1, 2, 20}, {1, 2, 11}, {1, 3, 12}}));
    ASSERT_EQ(virgl_renderer_context_create_fence(1, kMergeable, 2, 9), 0);
    gpu.retire();
    EXPECT_EQ(seen.context_fences.size(), 4u) << "a lower id alone says nothing";
}

// An id that a guest uses twice was not reported when it is used again.
TEST_F(Vmm, AnIdThatIsUsedTwiceMakesNoOtherFenceLate) {
    constexpr uint32_t kMergeable = VIRGL_RENDERER_FENCE_FLAG_MERGEABLE;
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    for (const uint64_t id : {10u, 11u, 11u})
        ASSERT_EQ(virgl_renderer_context_create_fence(1, kMergeable, 2, id), 0);
    gpu.retire();
    EXPECT_EQ(seen.context_fences, (std::vector<ContextFence>{{1, 2, 10}, {1, 2, 11}, {1, 2, 11}}));
}

// Neither is it owed, nor does it make another one of its id late.
TEST_F(Vmm, AFenceWithoutMemoryIsNone) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    gpu.context(1).in_queue = [] { throw std::bad_alloc(); };
    EXPECT_EQ(virgl_renderer_context_create_fence(1, 0, 2, 10), -ENOMEM);
    gpu.context(1).in_queue = nullptr;
    int fd = -1;
    EXPECT_EQ(virgl_renderer_export_fence(10, &fd), -EINVAL);
    EXPECT_TRUE(gpu.context(1).exports.empty()) << "the context is not asked";
    ASSERT_EQ(virgl_renderer_context_create_fence(1, 0, 2, 10), 0);
    gpu.retire();
    EXPECT_EQ(seen.context_fences, (std::vector<ContextFence>{{1, 2, 10}}));
}

TEST_F(Vmm, NothingOfAnOldGuestReachesTheNewOne) {
    ASSERT_EQ(init(VIRGL_RENDERER_DRM), 0);
    ASSERT_EQ(native_context(1), 0);
    gpu.retire_at_once = true;
    ASSERT_EQ(virgl_renderer_context_create_fence(1, 0, 1, 5000), 0);
    ASSERT_EQ(virgl_renderer_create_fence(5001, 0), 0);
    virgl_renderer_reset();
    virgl_renderer_poll();
    EXPECT_TRUE(seen.context_fences.empty());
    EXPECT_TRUE(seen.fences.empty());
}

// It opens the GPU once, whatever the guest does.
TEST_F(Vmm, TheDescriptorCallbackMayCallTheLibrary) {
    callbacks.get_drm_fd = [](void* cookie) {
        EXPECT_EQ(virgl_renderer_get_dev_fd(1), -EINVAL);
        return get_drm_fd(cookie);
    };
    seen.drm_fd_answer = 0;
    ASSERT_EQ(init(), 0);
    virgl_renderer_reset();
    const UniqueFd signalled(virgl_renderer_export_signalled_fence());
    EXPECT_TRUE(signalled.valid());
    EXPECT_EQ(seen.drm_fds, 1);
}

// A callback may call the library: no lock is held.
TEST_F(Vmm, CallbacksMayCallTheLibrary) {
    callbacks.write_context_fence = [](void* cookie, uint32_t ctx, uint32_t ring, uint64_t id) {
        write_context_fence(cookie, ctx, ring, id);
        virgl_renderer_poll();
        EXPECT_EQ(virgl_renderer_get_fence_fd(id), -1);
        EXPECT_EQ(virgl_renderer_context_create_fence(99, 0, 0, 1), -EINVAL);
    };
    callbacks.write_fence = [](void* cookie, uint32_t id) {
        write_fence(cookie, id);
        virgl_renderer_context_destroy(1);
    };
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    ASSERT_EQ(virgl_renderer_context_create_fence(1, 0, 1, 9), 0);
    gpu.retire();
    EXPECT_EQ(virgl_renderer_create_fence(1, 0), 0);
    EXPECT_TRUE(gpu.contexts.empty());
}

}  // namespace
}  // namespace viaduct::test
