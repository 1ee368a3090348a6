#include "guest-mesa/layer/fence_origins.h"

#include <gtest/gtest.h>

#include "guest-mesa/layer/virtgpu_ioctls.h"

namespace viaduct::guest {
namespace {

constexpr uint32_t kHandle = 3;
constexpr uint32_t kOther = 4;
constexpr FenceOrigin kOrigin{1, RingIndex(2), 77};

class FenceOriginsTest : public ::testing::Test {
  protected:
    template <typename T>
    void happened(unsigned long request, T arg) {
        origins.observe(request, &arg);
    }
    bool knows(uint32_t handle, uint64_t point = 0) const {
        return origins.find(handle, point).has_value();
    }

    FenceOrigins origins;
};

TEST_F(FenceOriginsTest, RemembersWhatASubmissionSignals) {
    EXPECT_FALSE(knows(kHandle));
    origins.set(kHandle, 0, kOrigin);
    ASSERT_TRUE(knows(kHandle));
    EXPECT_EQ(origins.find(kHandle, 0)->seqno, 77u);
    EXPECT_FALSE(knows(kHandle, 1));
    origins.set(kOther, 5, kOrigin);
    origins.set(kOther, 6, kOrigin);
    EXPECT_TRUE(knows(kOther, 5));
    EXPECT_FALSE(knows(kOther, 7));
}

// After any change of a syncobj's fence, the old origin must not be believed afterwards.
TEST_F(FenceOriginsTest, ForgetsWhenTheFenceIsChanged) {
    const uint32_t handle = kHandle;
    const uint64_t point = 9;
    drm_syncobj_array array{};
    array.handles = user_pointer(&handle);
    array.count_handles = 1;
    drm_syncobj_timeline_array points{};
    points.handles = user_pointer(&handle);
    points.points = user_pointer(&point);
    points.count_handles = 1;
    drm_syncobj_handle import{};
    import.handle = kHandle;
    import.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE;
    drm_syncobj_destroy destroy{};
    destroy.handle = kHandle;
    drm_syncobj_transfer transfer{};
    transfer.src_handle = kOther;
    transfer.dst_handle = kHandle;

    origins.set(kHandle, 0, kOrigin);
    happened(DRM_IOCTL_SYNCOBJ_RESET, array);
    EXPECT_FALSE(knows(kHandle));
    origins.set(kHandle, 0, kOrigin);
    happened(DRM_IOCTL_SYNCOBJ_SIGNAL, array);
    EXPECT_FALSE(knows(kHandle));
    origins.set(kHandle, 0, kOrigin);
    happened(DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, points);
    EXPECT_FALSE(knows(kHandle));
    origins.set(kHandle, 0, kOrigin);
    happened(DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, import);
    EXPECT_FALSE(knows(kHandle));
    origins.set(kHandle, 0, kOrigin);
    happened(DRM_IOCTL_SYNCOBJ_DESTROY, destroy);
    EXPECT_FALSE(knows(kHandle));
    origins.set(kHandle, 0, kOrigin);
    happened(DRM_IOCTL_SYNCOBJ_TRANSFER, transfer);
    EXPECT_FALSE(knows(kHandle));
    origins.set(kHandle, 0, kOrigin);
    origins.forget_context(kOrigin.context);
    EXPECT_FALSE(knows(kHandle));
}

TEST_F(FenceOriginsTest, TransferCarriesTheOriginAlong) {
    origins.set(kOther, 5, kOrigin);
    drm_syncobj_transfer transfer{};
    transfer.src_handle = kOther;
    transfer.src_point = 5;
    transfer.dst_handle = kHandle;
    happened(DRM_IOCTL_SYNCOBJ_TRANSFER, transfer);
    EXPECT_TRUE(knows(kHandle));
    EXPECT_TRUE(knows(kOther, 5));
}

TEST_F(FenceOriginsTest, SharedSyncobjsAreNeverTrusted) {
    drm_syncobj_handle as_sync_file{};
    as_sync_file.handle = kHandle;
    as_sync_file.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE;
    origins.set(kHandle, 0, kOrigin);
    happened(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, as_sync_file);  // a copy
    EXPECT_TRUE(knows(kHandle));

    drm_syncobj_handle itself{};
    itself.handle = kHandle;
    happened(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, itself);
    EXPECT_FALSE(knows(kHandle));
    origins.set(kHandle, 0, kOrigin);
    EXPECT_FALSE(knows(kHandle));
    // The number may come back for another one.
    drm_syncobj_destroy destroy{};
    destroy.handle = kHandle;
    happened(DRM_IOCTL_SYNCOBJ_DESTROY, destroy);
    origins.set(kHandle, 0, kOrigin);
    EXPECT_TRUE(knows(kHandle));
    happened(DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, itself);
    origins.set(kHandle, 0, kOrigin);
    EXPECT_FALSE(knows(kHandle));
}

TEST_F(FenceOriginsTest, KeepsABoundedNumberOfPoints) {
    for (uint64_t point = 1; point <= 10000; ++point) origins.set(kHandle, point, kOrigin);
    EXPECT_FALSE(knows(kHandle, 1));
    EXPECT_TRUE(knows(kHandle, 10000));
}

}  // namespace
}  // namespace viaduct::guest
