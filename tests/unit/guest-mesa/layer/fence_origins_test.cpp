#include "guest-mesa/layer/fence_origins.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <utility>

#include "guest-mesa/layer/virtgpu_ioctls.h"

namespace viaduct::guest {
namespace {

constexpr uint32_t kHandle = 3;
constexpr uint32_t kOther = 4;
const FenceOrigin kOrigin{1, RingIndex(2), 77};

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

using State = FenceOrigins::State;

/// The newest request whose work has ended, by ring.
class FinishedFences : public FenceOriginsTest {
  protected:
    State state(uint32_t handle, uint64_t point) {
        return origins.state(handle, point, has_finished);
    }
    uint64_t newest(uint32_t handle) { return origins.newest_signalled(handle, has_finished); }
    /// `request`, on a ring.
    void submit(uint32_t handle, uint64_t point, uint32_t ring, uint32_t request) {
        const FenceOrigin origin{1, RingIndex(ring), request};
        origins.set(handle, point, origin);
        origins.set_request(handle, point, origin, request);
    }

    std::map<uint32_t, uint32_t> finished;
    std::function<bool(const FenceOrigin&)> has_finished = [this](const FenceOrigin& origin) {
        return origin.request && finished[origin.timeline.value()] >= *origin.request;
    };
};

TEST_F(FinishedFences, ABinaryFenceIsItsSubmissions) {
    EXPECT_EQ(state(kHandle, 0), State::kUnknown);
    submit(kHandle, 0, 2, 10);
    EXPECT_EQ(state(kHandle, 0), State::kPending);
    finished[2] = 10;
    EXPECT_EQ(state(kHandle, 0), State::kSignalled);
    EXPECT_EQ(newest(kHandle), 0u) << "of a timeline only";
    submit(kHandle, 0, 3, 11);
    EXPECT_EQ(state(kHandle, 0), State::kPending) << "the new one's";
    origins.forget(kHandle);
    EXPECT_EQ(state(kHandle, 0), State::kUnknown);
}

TEST_F(FinishedFences, NothingIsSaidBeforeASubmissionIsSent) {
    finished[2] = 100;
    origins.set(kHandle, 0, kOrigin);
    EXPECT_EQ(state(kHandle, 0), State::kPending);
    // Another thread's submission took the syncobj: the first one's number is not the fence's.
    origins.set(kHandle, 0, {1, RingIndex(2), 78});
    origins.set_request(kHandle, 0, kOrigin, 9);
    EXPECT_EQ(state(kHandle, 0), State::kPending);
    origins.set_request(kOther, 0, kOrigin, 9);  // of one that was forgotten
    EXPECT_EQ(state(kOther, 0), State::kUnknown);
}

TEST_F(FinishedFences, APointIsReachedInItsRingsOrder) {
    submit(kHandle, 10, 2, 1);
    submit(kHandle, 20, 2, 2);
    finished[2] = 1;
    EXPECT_EQ(state(kHandle, 10), State::kSignalled);
    EXPECT_EQ(state(kHandle, 11), State::kPending) << "the next point that there is";
    EXPECT_EQ(newest(kHandle), 10u);
    finished[2] = 2;
    EXPECT_EQ(state(kHandle, 11), State::kSignalled);
    EXPECT_EQ(state(kHandle, 21), State::kUnknown);
    EXPECT_EQ(state(kHandle, 0), State::kUnknown) << "the whole timeline";
    EXPECT_EQ(newest(kHandle), 20u);
}

// A point waits for all before it, which may be pending.
TEST_F(FinishedFences, FencesOfSeveralRingsAreLeftToTheNode) {
    submit(kHandle, 10, 2, 1);
    submit(kHandle, 20, 3, 2);
    finished[2] = finished[3] = 2;
    EXPECT_EQ(state(kHandle, 20), State::kUnknown);
    EXPECT_EQ(newest(kHandle), 0u);
    submit(kHandle, 0, 3, 3);  // replaces them all
    finished[3] = 3;
    EXPECT_EQ(state(kHandle, 0), State::kSignalled);
}

TEST_F(FinishedFences, AnotherWaysFencesAreLeftToTheNode) {
    drm_syncobj_transfer transfer{};
    transfer.src_handle = kOther;  // unknown
    transfer.dst_handle = kHandle;
    drm_syncobj_handle import{};
    import.handle = kHandle;
    import.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE;
    const uint64_t signalled = 3;
    drm_syncobj_timeline_array points{};
    points.handles = user_pointer(&kHandle);
    points.points = user_pointer(&signalled);
    points.count_handles = 1;
    const std::function<void()> ways[] = {
        [&] {
            transfer.dst_point = 3;
            happened(DRM_IOCTL_SYNCOBJ_TRANSFER, transfer);
        },
        [&] {
            transfer.dst_point = 0;
            happened(DRM_IOCTL_SYNCOBJ_TRANSFER, transfer);
        },
        [&] { happened(DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, import); },
        [&] { happened(DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, points); }};
    finished[2] = 100;
    for (const auto& way : ways) {
        origins.forget(kHandle);
        way();
        submit(kHandle, 5, 2, 1);
        EXPECT_EQ(state(kHandle, 5), State::kUnknown) << "behind it";
        way();
        EXPECT_EQ(state(kHandle, 5), State::kUnknown) << "once more";
        EXPECT_EQ(state(kHandle, 0), State::kUnknown);
        drm_syncobj_array reset{};
        reset.handles = user_pointer(&kHandle);
        reset.count_handles = 1;
        happened(DRM_IOCTL_SYNCOBJ_RESET, reset);
        submit(kHandle, 5, 2, 1);
        EXPECT_EQ(state(kHandle, 5), State::kSignalled) << "nothing of before";
    }
}

// The kernel's chain comes along: the copy waits for what the point waits for.
TEST_F(FinishedFences, TransferCarriesOnlyWhatIsKnownWhole) {
    drm_syncobj_transfer transfer{};
    transfer.src_handle = kOther;
    transfer.dst_handle = kHandle;
    submit(kOther, 1, 2, 1);
    transfer.src_point = 1;
    happened(DRM_IOCTL_SYNCOBJ_TRANSFER, transfer);
    finished[2] = 1;
    EXPECT_EQ(state(kHandle, 0), State::kSignalled);

    submit(kOther, 2, 3, 2);
    finished[3] = 2;
    transfer.src_point = 2;
    happened(DRM_IOCTL_SYNCOBJ_TRANSFER, transfer);
    EXPECT_EQ(state(kHandle, 0), State::kUnknown);
    EXPECT_TRUE(knows(kHandle)) << "a dependency all the same";
}

TEST_F(FinishedFences, WhatWasToldStaysTrue) {
    submit(kHandle, 5, 2, 1);
    submit(kOther, 0, 2, 1);
    finished[2] = 1;
    EXPECT_EQ(origins.told(kHandle), std::pair(uint64_t{0}, false));
    EXPECT_EQ(state(kHandle, 5), State::kSignalled);
    EXPECT_EQ(state(kOther, 0), State::kSignalled);
    EXPECT_EQ(origins.told(kHandle), std::pair(uint64_t{5}, false));
    EXPECT_EQ(origins.told(kOther), std::pair(uint64_t{0}, true));
    submit(kHandle, 9, 3, 2);  // opaque from now on
    EXPECT_EQ(state(kHandle, 5), State::kSignalled);
    EXPECT_EQ(newest(kHandle), 5u);
    submit(kOther, 1, 2, 2);
    EXPECT_EQ(state(kOther, 0), State::kUnknown) << "a binary wait is for the new point, too";
}

TEST_F(FinishedFences, PointsThatDoNotGrowAreLeftToTheNode) {
    submit(kHandle, 5, 2, 1);
    finished[2] = 1;
    EXPECT_EQ(state(kHandle, 5), State::kSignalled);
    submit(kHandle, 5, 2, 2);  // pending
    EXPECT_EQ(state(kHandle, 5), State::kUnknown);
    EXPECT_EQ(newest(kHandle), 0u);
    finished[2] = 3;
    submit(kOther, 20, 2, 3);
    submit(kOther, 10, 2, 4);  // pending
    EXPECT_EQ(state(kOther, 20), State::kUnknown);
}

// Its work goes on, and its ring's numbers go on with it.
TEST_F(FinishedFences, ADestroyedContextsWorkIsFollowedToItsEnd) {
    submit(kHandle, 5, 3, 1);
    origins.forget_context(1);
    EXPECT_FALSE(knows(kHandle, 5)) << "no dependency can name it";
    EXPECT_EQ(state(kHandle, 5), State::kPending);
    finished[3] = 1;
    EXPECT_EQ(state(kHandle, 5), State::kSignalled);
}

TEST_F(FinishedFences, ARefusedSubmissionIsTakenBack) {
    submit(kHandle, 5, 2, 1);
    const FenceOrigin refused{1, RingIndex(2), 2};
    origins.set(kHandle, 6, refused);
    origins.take_back(kHandle, 6, refused);
    finished[2] = 1;
    EXPECT_EQ(state(kHandle, 5), State::kSignalled);
    EXPECT_EQ(state(kHandle, 6), State::kUnknown);
    submit(kHandle, 6, 2, 2);
    finished[2] = 2;
    EXPECT_EQ(state(kHandle, 6), State::kSignalled) << "the same again";

    submit(kOther, 0, 2, 3);
    origins.set(kOther, 0, refused);
    origins.take_back(kOther, 0, refused);
    finished[2] = 3;
    EXPECT_EQ(state(kOther, 0), State::kUnknown) << "what it held before is forgotten";
}

TEST_F(FinishedFences, OldPointsAreForgottenInTheirOrder) {
    for (uint32_t point = 1; point <= 1000; ++point) submit(kHandle, point, 2, point);
    finished[2] = 999;
    EXPECT_EQ(state(kHandle, 999), State::kSignalled);
    EXPECT_EQ(state(kHandle, 1), State::kSignalled);
    EXPECT_EQ(newest(kHandle), 999u);
}

TEST_F(FenceOriginsTest, KeepsABoundedNumberOfPoints) {
    for (uint64_t point = 1; point <= 10000; ++point) origins.set(kHandle, point, kOrigin);
    EXPECT_FALSE(knows(kHandle, 1));
    EXPECT_TRUE(knows(kHandle, 10000));
}

}  // namespace
}  // namespace viaduct::guest
