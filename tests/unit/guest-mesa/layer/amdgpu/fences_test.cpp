// Waiting for submissions.
#include "tests/unit/guest-mesa/layer/amdgpu/fixture.h"

namespace viaduct::guest::amdgpu {
namespace {

TEST_F(DriverTest, WaitsAreForTheContextsOwnNumbers) {
    const uint32_t first = create_context();
    const uint32_t second = create_context();
    EXPECT_EQ(submit(first, 0, 0), 0);
    host.finish_gpu_work();
    EXPECT_EQ(submit(second, 0, 0), 0);
    uint64_t busy = 9;
    EXPECT_EQ(wait_cs(first, 0, 1, &busy), 0);
    EXPECT_EQ(busy, 0u);
    EXPECT_EQ(wait_cs(second, 0, 1, &busy), 0);
    EXPECT_EQ(busy, 1u);
    EXPECT_EQ(wait_cs(second, 0, ~0ull, &busy), 0);
    EXPECT_EQ(busy, 1u);
    EXPECT_EQ(wait_cs(second, 0, 2, &busy), -EINVAL);
    EXPECT_EQ(wait_cs(77, 0, 1, &busy), -EINVAL);
    EXPECT_EQ(wait_cs(second, 5, 1, &busy), -EINVAL);
    host.finish_gpu_work();
    EXPECT_EQ(wait_cs(second, 0, 1, &busy), 0);
    EXPECT_EQ(busy, 0u);
    EXPECT_EQ(wait_cs(second, 0, 0, &busy), 0);
    EXPECT_EQ(busy, 0u);
}

TEST_F(DriverTest, WaitFencesTellsWhichWasFirst) {
    const uint32_t context = create_context();
    EXPECT_EQ(submit(context, 0, 0), 0);
    EXPECT_EQ(submit(context, 1, 0), 0);
    drm_amdgpu_fence fences[2] = {{context, 0, 0, 0, 1}, {context, 1, 0, 0, 1}};
    drm_amdgpu_wait_fences arg{};
    const auto wait = [&](uint32_t all) {
        arg = {};
        arg.in.fences = user_pointer(fences);
        arg.in.fence_count = 2;
        arg.in.wait_all = all;
        return call(DRM_IOCTL_AMDGPU_WAIT_FENCES, arg);
    };
    EXPECT_EQ(wait(0), 0);
    EXPECT_EQ(arg.out.status, 0u);
    host.finish_gpu_work();
    EXPECT_EQ(submit(context, 0, 0), 0);
    fences[0].seq_no = 2;
    EXPECT_EQ(wait(1), 0);
    EXPECT_EQ(arg.out.status, 0u);
    EXPECT_EQ(wait(0), 0);
    EXPECT_EQ(arg.out.status, 1u);
    EXPECT_EQ(arg.out.first_signaled, 1u);
}

TEST_F(DriverTest, WaitFencesNeedsNoWaitForWhatIsLongDone) {
    const uint32_t context = create_context();
    EXPECT_EQ(submit(context, 0, 0), 0);
    drm_amdgpu_fence fences[] = {{context, 0, 0, 0, 1}, {context, 1, 0, 0, 0}};
    drm_amdgpu_wait_fences arg{};
    arg.in.fences = user_pointer(fences);
    arg.in.fence_count = 2;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_WAIT_FENCES, arg), 0);
    EXPECT_EQ(arg.out.status, 1u);
    EXPECT_EQ(arg.out.first_signaled, 1u);
}

class FenceToHandle : public DriverTest {
  protected:
    FenceToHandle() {
        EXPECT_EQ(submit(context, 0, 0), 0);
        EXPECT_EQ(submit(context, 0, 0), 0);
    }
    int convert(uint64_t seqno, uint32_t what, uint32_t* handle) {
        drm_amdgpu_fence_to_handle arg{};
        arg.in.fence = {context, 0, 0, 0, seqno};
        arg.in.what = what;
        const int result = call(DRM_IOCTL_AMDGPU_FENCE_TO_HANDLE, arg);
        *handle = arg.out.handle;
        return result;
    }
    const uint32_t context = create_context();
    uint32_t handle = 0;
};

TEST_F(FenceToHandle, ASyncobjHoldsTheSubmissionsPoint) {
    const size_t before = host.syncobjs();
    EXPECT_EQ(convert(2, AMDGPU_FENCE_TO_HANDLE_GET_SYNCOBJ, &handle), 0);
    ASSERT_EQ(host.transfers.size(), 1u);
    EXPECT_EQ(host.transfers[0].src_handle, host.sent.back().out.back().handle) << "the ring's";
    EXPECT_EQ(host.transfers[0].src_point, 2u);
    EXPECT_EQ(host.transfers[0].dst_handle, handle);
    EXPECT_EQ(host.transfers[0].dst_point, 0u);
    EXPECT_EQ(host.syncobjs(), before + 1) << "the caller's now";
    EXPECT_TRUE(host.exports.empty());
}

TEST_F(FenceToHandle, FilesAreMadeOfASyncobjThatGoesAgain) {
    const size_t before = host.syncobjs();
    const std::pair<uint32_t, uint32_t> cases[] = {
        {AMDGPU_FENCE_TO_HANDLE_GET_SYNCOBJ_FD, 0},
        {AMDGPU_FENCE_TO_HANDLE_GET_SYNC_FILE_FD, DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE},
    };
    for (const auto& [what, flags] : cases) {
        EXPECT_EQ(convert(1, what, &handle), 0);
        EXPECT_EQ(handle, static_cast<uint32_t>(test::FakeHost::kExportedFd));
        EXPECT_EQ(host.transfers.back().src_point, 1u);
        EXPECT_EQ(host.exports.back().handle, host.transfers.back().dst_handle);
        EXPECT_EQ(host.exports.back().flags, flags);
        EXPECT_EQ(host.syncobjs(), before);
    }
}

TEST_F(FenceToHandle, OneThatIsLongDoneIsSignalledAtOnce) {
    EXPECT_EQ(convert(0, AMDGPU_FENCE_TO_HANDLE_GET_SYNCOBJ, &handle), 0);
    EXPECT_TRUE(host.created_signalled(handle));
    EXPECT_TRUE(host.transfers.empty());
}

TEST_F(FenceToHandle, WhatIsNotThereIsRefused) {
    const size_t before = host.syncobjs();
    EXPECT_EQ(convert(3, AMDGPU_FENCE_TO_HANDLE_GET_SYNCOBJ, &handle), -EINVAL);
    EXPECT_EQ(convert(1, AMDGPU_FENCE_TO_HANDLE_GET_SYNC_FILE_FD + 1, &handle), -EINVAL);
    EXPECT_EQ(host.syncobjs(), before);
}

}  // namespace
}  // namespace viaduct::guest::amdgpu
