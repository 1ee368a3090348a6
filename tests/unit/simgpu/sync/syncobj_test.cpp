#include "simgpu/sync/syncobj.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <initializer_list>
#include <thread>
#include <vector>

#include "simgpu/sync/drm_uapi.h"
#include "tests/unit/simgpu/sync/readable.h"

namespace simgpu::drm {
namespace {

constexpr uint32_t kAll = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL;
constexpr uint32_t kForSubmit = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT;
constexpr uint32_t kAvailable = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE;
constexpr uint32_t kSyncFile = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE;

uint64_t address_of(const void* data) {
    return reinterpret_cast<uintptr_t>(data);
}

int64_t in_ms(int64_t ms) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() + ms * 1'000'000;
}

/// The ioctls in a form fit for one-line expectations.
class Table {
  public:
    uint32_t create(uint32_t flags = 0) {
        drm_syncobj_create args{};
        args.flags = flags;
        EXPECT_EQ(table.ioctl(nr::kSyncobjCreate, &args), 0);
        return args.handle;
    }
    int destroy(uint32_t handle) {
        drm_syncobj_destroy args{};
        args.handle = handle;
        return table.ioctl(nr::kSyncobjDestroy, &args);
    }
    int wait(std::vector<uint32_t> handles, uint32_t flags, int64_t timeout_ms,
             uint32_t* first = nullptr) {
        SyncobjWaitArgs args{};
        args.handles = address_of(handles.data());
        args.count_handles = static_cast<uint32_t>(handles.size());
        args.flags = flags;
        args.timeout_nsec = timeout_ms == 0 ? 0 : in_ms(timeout_ms);
        const int result = table.ioctl(nr::kSyncobjWait, &args);
        if (first) *first = args.first_signaled;
        return result;
    }
    int timeline_wait(std::vector<uint32_t> handles, std::vector<uint64_t> points, uint32_t flags,
                      int64_t timeout_ms) {
        SyncobjTimelineWaitArgs args{};
        args.handles = address_of(handles.data());
        args.points = address_of(points.data());
        args.count_handles = static_cast<uint32_t>(handles.size());
        args.flags = flags;
        args.timeout_nsec = timeout_ms == 0 ? 0 : in_ms(timeout_ms);
        return table.ioctl(nr::kSyncobjTimelineWait, &args);
    }
    int array(unsigned number, std::vector<uint32_t> handles) {
        drm_syncobj_array args{};
        args.handles = address_of(handles.data());
        args.count_handles = static_cast<uint32_t>(handles.size());
        return table.ioctl(number, &args);
    }
    int timeline_signal(uint32_t handle, uint64_t point) {
        drm_syncobj_timeline_array args{};
        args.handles = address_of(&handle);
        args.points = address_of(&point);
        args.count_handles = 1;
        return table.ioctl(nr::kSyncobjTimelineSignal, &args);
    }
    uint64_t query(uint32_t handle, uint32_t flags = 0) {
        uint64_t point = ~0ull;
        drm_syncobj_timeline_array args{};
        args.handles = address_of(&handle);
        args.points = address_of(&point);
        args.count_handles = 1;
        args.flags = flags;
        EXPECT_EQ(table.ioctl(nr::kSyncobjQuery, &args), 0);
        return point;
    }
    int transfer(uint32_t to, uint64_t to_point, uint32_t from, uint64_t from_point,
                 uint32_t flags = 0) {
        drm_syncobj_transfer args{};
        args.dst_handle = to;
        args.dst_point = to_point;
        args.src_handle = from;
        args.src_point = from_point;
        args.flags = flags;
        return table.ioctl(nr::kSyncobjTransfer, &args);
    }
    int to_fd(uint32_t handle, uint32_t flags, viaduct::UniqueFd* fd) {
        SyncobjHandleArgs args{};
        args.handle = handle;
        args.flags = flags;
        const int result = table.ioctl(nr::kSyncobjHandleToFd, &args);
        if (result == 0) fd->reset(args.fd);
        return result;
    }
    int from_fd(int fd, uint32_t flags, uint32_t* handle) {
        SyncobjHandleArgs args{};
        args.handle = *handle;
        args.flags = flags;
        args.fd = fd;
        const int result = table.ioctl(nr::kSyncobjFdToHandle, &args);
        if (result == 0) *handle = args.handle;
        return result;
    }

    SyncobjTable table;
};

TEST(Syncobj, EveryIoctlHasANameAndASize) {
    for (const unsigned nr :
         {0xbfu, 0xc0u, 0xc1u, 0xc2u, 0xc3u, 0xc4u, 0xc5u, 0xcau, 0xcbu, 0xccu, 0xcdu, 0xcfu}) {
        EXPECT_TRUE(is_syncobj_ioctl(nr)) << nr;
        EXPECT_GT(syncobj_ioctl_size(nr), 0u) << nr;
        EXPECT_NE(syncobj_ioctl_name(nr), nullptr) << nr;
        EXPECT_EQ(SyncobjTable().ioctl(nr, nullptr), -EFAULT) << nr;
    }
    uint64_t argument[8] = {};
    EXPECT_FALSE(is_syncobj_ioctl(0xce));
    EXPECT_EQ(SyncobjTable().ioctl(0xce, argument), -ENOTTY);
}

TEST(Syncobj, RefusesWhatTheKernelRefuses) {
    Table t;
    const uint32_t object = t.create();
    drm_syncobj_create create{};
    create.flags = 2;
    EXPECT_EQ(t.table.ioctl(nr::kSyncobjCreate, &create), -EINVAL);
    EXPECT_EQ(t.destroy(object + 1), -EINVAL);
    EXPECT_EQ(t.wait({}, 0, 0), -EINVAL) << "no handle";
    EXPECT_EQ(t.wait({object + 1}, 0, 0), -ENOENT);
    EXPECT_EQ(t.wait({object}, 0x80, 0), -EINVAL) << "unknown flag";
    EXPECT_EQ(t.wait({object}, kAvailable, 0), -EINVAL) << "a timeline flag";
    EXPECT_EQ(t.wait({object}, 0, 0), -EINVAL) << "no fence yet";
    EXPECT_EQ(t.array(nr::kSyncobjReset, {}), -EINVAL);
    EXPECT_EQ(t.array(nr::kSyncobjSignal, {object, 77}), -ENOENT);
    EXPECT_EQ(t.transfer(77, 0, object, 0), -ENOENT);
    EXPECT_EQ(t.transfer(object, 0, 77, 0), -ENOENT);
    EXPECT_EQ(t.transfer(object, 0, object, 0), -EINVAL) << "nothing to transfer";
    viaduct::UniqueFd fd;
    EXPECT_EQ(t.to_fd(77, 0, &fd), -EINVAL);
    EXPECT_EQ(t.to_fd(77, kSyncFile, &fd), -ENOENT);
    EXPECT_EQ(t.to_fd(object, kSyncFile, &fd), -EINVAL) << "no fence yet";
    EXPECT_EQ(t.to_fd(object, 0x10, &fd), -EINVAL);
    uint32_t handle = 0;
    EXPECT_EQ(t.from_fd(0, 0, &handle), -EINVAL);
    EXPECT_EQ(t.from_fd(0, kSyncFile, &handle), -EINVAL);
}

TEST(Syncobj, HugeCountsAreRefusedBeforeAnythingIsRead) {
    Table t;
    uint32_t handle = t.create();
    SyncobjWaitArgs args{};
    args.handles = address_of(&handle);
    for (const uint32_t count : {0x80000000u, 0xffffffffu}) {
        args.count_handles = count;
        EXPECT_EQ(t.table.ioctl(nr::kSyncobjWait, &args), -ENOMEM);
    }
    args.handles = 0;
    args.count_handles = 1;
    EXPECT_EQ(t.table.ioctl(nr::kSyncobjWait, &args), -EFAULT);
}

TEST(Syncobj, BinaryWait) {
    Table t;
    const uint32_t signalled = t.create(DRM_SYNCOBJ_CREATE_SIGNALED), pending = t.create();
    const FencePtr fence = Fence::create();
    ASSERT_TRUE(t.table.attach_fence(pending, 0, fence));
    uint32_t first = 99;
    EXPECT_EQ(t.wait({pending, signalled}, 0, 0, &first), 0);
    EXPECT_EQ(first, 1u);
    EXPECT_EQ(t.wait({pending, signalled}, kAll, 0), -ETIME);
    EXPECT_EQ(t.wait({pending}, 0, 2), -ETIME);
    std::thread signaller([&] { fence->signal(); });
    EXPECT_EQ(t.wait({pending, signalled}, kAll, 20000), 0);
    signaller.join();
    EXPECT_EQ(t.array(nr::kSyncobjReset, {signalled}), 0);
    EXPECT_EQ(t.wait({signalled}, 0, 0), -EINVAL);
    EXPECT_EQ(t.array(nr::kSyncobjSignal, {signalled}), 0);
    EXPECT_EQ(t.wait({signalled}, 0, 0), 0);
}

TEST(Syncobj, WaitForSubmitSeesALaterFence) {
    Table t;
    const uint32_t object = t.create();
    EXPECT_EQ(t.wait({object}, kForSubmit, 0), -ETIME);
    std::thread submitter([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        const FencePtr fence = Fence::create();
        t.table.attach_fence(object, 0, fence);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        fence->signal();
    });
    EXPECT_EQ(t.wait({object}, kForSubmit, 20000), 0);
    submitter.join();
}

TEST(Syncobj, AFenceThatComesWhileAWaitBeginsIsFollowed) {
    for (int round = 0; round < 20000; ++round) {
        Table t;
        const uint32_t object = t.create();
        std::atomic<int> ready = 0;
        const auto meet = [&ready] {
            for (++ready; ready < 2;) std::this_thread::yield();
        };
        std::thread submitter([&] {
            const FencePtr fence = Fence::create();
            meet();
            for (volatile int i = 0; i < round % 300 * 10;) i = i + 1;  // another moment each time
            t.table.attach_fence(object, 0, fence);
            std::this_thread::yield();
            fence->signal();
        });
        meet();
        const int64_t deadline = in_ms(20000);
        EXPECT_EQ(t.wait({object}, kForSubmit, 20000), 0) << "in round " << round;
        EXPECT_LT(in_ms(0), deadline) << "round " << round << " was ended by its deadline";
        submitter.join();
        if (HasFailure()) return;
    }
}

TEST(Syncobj, TimelineReachesPointsInOrder) {
    Table t;
    const uint32_t object = t.create();
    const FencePtr five = Fence::create(), nine = Fence::create();
    ASSERT_TRUE(t.table.attach_fence(object, 5, five));
    ASSERT_TRUE(t.table.attach_fence(object, 9, nine));
    EXPECT_EQ(t.query(object), 0u);
    EXPECT_EQ(t.query(object, DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED), 9u);
    nine->signal();
    EXPECT_EQ(t.query(object), 0u) << "9 waits for 5";
    EXPECT_EQ(t.timeline_wait({object}, {9}, 0, 0), -ETIME);
    EXPECT_EQ(t.timeline_wait({object}, {9}, kAvailable, 0), 0);
    EXPECT_EQ(t.timeline_wait({object}, {10}, 0, 0), -EINVAL);
    EXPECT_EQ(t.timeline_wait({object}, {10}, kAvailable, 1), -ETIME);
    EXPECT_EQ(t.timeline_wait({object}, {10}, kForSubmit, 1), -ETIME);
    five->signal();
    EXPECT_EQ(t.query(object), 9u);
    for (const uint64_t point : {1u, 5u, 7u, 9u, 0u})
        EXPECT_EQ(t.timeline_wait({object}, {point}, 0, 0), 0) << point;
    EXPECT_EQ(t.timeline_signal(object, 12), 0);
    EXPECT_EQ(t.query(object), 12u);
    EXPECT_EQ(t.wait({object}, 0, 0), 0) << "a binary wait covers the whole timeline";
}

TEST(Syncobj, AnUnorderedPointIsRaisedAndWaitsForAll) {
    Table t;
    const uint32_t object = t.create();
    const FencePtr ten = Fence::create();
    ASSERT_TRUE(t.table.attach_fence(object, 10, ten));
    ASSERT_EQ(t.timeline_signal(object, 4), 0);
    EXPECT_EQ(t.query(object, DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED), 10u);
    EXPECT_EQ(t.timeline_wait({object}, {4}, 0, 0), -ETIME);
    ten->signal();
    EXPECT_EQ(t.query(object), 10u);
}

TEST(Syncobj, LongTimelinesDoNotNest) {
    Table t;
    const uint32_t object = t.create();
    const FencePtr first = Fence::create();
    ASSERT_TRUE(t.table.attach_fence(object, 1, first));
    constexpr uint64_t kPoints = 20000;
    for (uint64_t point = 2; point <= kPoints; ++point) t.timeline_signal(object, point);
    EXPECT_EQ(t.query(object), 0u);
    first->signal();
    EXPECT_EQ(t.query(object), kPoints);
}

TEST(Syncobj, GivenOutPointsSurviveTheObject) {
    Table t;
    const uint32_t object = t.create();
    const FencePtr work = Fence::create();
    ASSERT_TRUE(t.table.attach_fence(object, 3, work));
    int error = 0;
    const FencePtr point = t.table.find_fence(object, 3, &error);
    ASSERT_TRUE(point);
    EXPECT_EQ(t.destroy(object), 0);
    EXPECT_FALSE(point->is_signalled());
    work->signal(-ECANCELED);
    EXPECT_TRUE(point->is_signalled());
    EXPECT_EQ(point->status(), -ECANCELED);
}

TEST(Syncobj, TransferMovesFencesBetweenKinds) {
    Table t;
    const uint32_t binary = t.create(), timeline = t.create();
    const FencePtr work = Fence::create();
    ASSERT_TRUE(t.table.attach_fence(binary, 0, work));
    ASSERT_EQ(t.transfer(timeline, 7, binary, 0), 0);
    EXPECT_EQ(t.query(timeline, DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED), 7u);
    const uint32_t other = t.create();
    EXPECT_EQ(t.transfer(other, 0, timeline, 8), -EINVAL) << "not submitted yet";
    ASSERT_EQ(t.transfer(other, 0, timeline, 7), 0);
    EXPECT_EQ(t.wait({other}, 0, 0), -ETIME);
    work->signal();
    EXPECT_EQ(t.wait({other}, 0, 0), 0);
    EXPECT_EQ(t.query(timeline), 7u);

    std::thread submitter([&] { t.timeline_signal(timeline, 8); });
    EXPECT_EQ(t.transfer(other, 0, timeline, 8, kForSubmit), 0);
    submitter.join();
}

TEST(Syncobj, SyncFilesGoInAndOut) {
    Table t;
    const uint32_t object = t.create();
    const FencePtr work = Fence::create();
    t.table.attach_fence(object, 0, work);
    viaduct::UniqueFd fd;
    ASSERT_EQ(t.to_fd(object, kSyncFile, &fd), 0);
    uint32_t other = t.create();
    ASSERT_EQ(t.from_fd(fd.get(), kSyncFile, &other), 0);
    uint32_t unknown = 77;
    EXPECT_EQ(t.from_fd(fd.get(), kSyncFile, &unknown), -ENOENT);
    EXPECT_EQ(t.wait({other}, 0, 0), -ETIME);
    work->signal();
    EXPECT_TRUE(readable(fd.get()));
    EXPECT_EQ(t.wait({other}, 0, 0), 0);
}

TEST(Syncobj, OpaqueDescriptorsShareTheObjectBetweenFiles) {
    Table a, b;
    const uint32_t object = a.create();
    viaduct::UniqueFd fd;
    ASSERT_EQ(a.to_fd(object, 0, &fd), 0);
    EXPECT_EQ(a.destroy(object), 0) << "the descriptor keeps it";
    uint32_t imported = 0;
    ASSERT_EQ(b.from_fd(fd.get(), 0, &imported), 0);
    uint32_t again = 0;
    ASSERT_EQ(a.from_fd(fd.get(), 0, &again), 0);
    EXPECT_EQ(a.timeline_signal(again, 3), 0);
    EXPECT_EQ(b.query(imported), 3u);
}

TEST(Syncobj, ClosingTheLastDescriptorFreesTheObject) {
    Table t;
    const uint32_t object = t.create();
    const FencePtr payload = Fence::create();
    t.table.attach_fence(object, 0, payload);
    viaduct::UniqueFd fd;
    ASSERT_EQ(t.to_fd(object, 0, &fd), 0);
    t.destroy(object);
    EXPECT_GT(payload.use_count(), 1);
    fd.reset();
    for (int i = 0; i < 10000 && payload.use_count() > 1; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(payload.use_count(), 1);
}

TEST(Syncobj, EventfdTellsOfPoints) {
    Table t;
    const uint32_t object = t.create();
    const viaduct::UniqueFd available(::eventfd(0, EFD_CLOEXEC)),
        reached(::eventfd(0, EFD_CLOEXEC));
    SyncobjEventfdArgs args{};
    args.handle = object;
    args.point = 2;
    args.fd = reached.get();
    ASSERT_EQ(t.table.ioctl(nr::kSyncobjEventfd, &args), 0);
    args.fd = available.get();
    args.flags = kAvailable;
    ASSERT_EQ(t.table.ioctl(nr::kSyncobjEventfd, &args), 0);
    EXPECT_FALSE(readable(available.get()));
    const FencePtr work = Fence::create();
    t.table.attach_fence(object, 2, work);
    EXPECT_TRUE(readable(available.get()));
    EXPECT_FALSE(readable(reached.get()));
    work->signal();
    EXPECT_TRUE(readable(reached.get()));
    args.handle = 77;
    EXPECT_EQ(t.table.ioctl(nr::kSyncobjEventfd, &args), -ENOENT);
    args.handle = object;
    args.fd = -1;
    EXPECT_EQ(t.table.ioctl(nr::kSyncobjEventfd, &args), -EBADF);
}

}  // namespace
}  // namespace simgpu::drm
