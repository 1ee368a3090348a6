// The presenter's timelines on a render node: what it asks of a kernel is what DRM answers.
#include "display/wayland/sync_timeline.h"

#include <drm.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

namespace viaduct::wayland {
namespace {

constexpr const char* kNode = "/dev/dri/renderD128";
constexpr int kAtOnce = 0;
constexpr int kPatience = 10'000;  // ms, for what needs no waiting

bool readable(const UniqueFd& fd, int timeout) {
    pollfd ready{fd.get(), POLLIN, 0};
    return ::poll(&ready, 1, timeout) == 1;
}

// A sync file that has signalled, as another program exports it.
UniqueFd signalled_sync_file(const UniqueFd& node) {
    drm_syncobj_create create{};
    create.flags = DRM_SYNCOBJ_CREATE_SIGNALED;
    EXPECT_EQ(::ioctl(node.get(), DRM_IOCTL_SYNCOBJ_CREATE, &create), 0);
    drm_syncobj_handle file{};
    file.handle = create.handle;
    file.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE;
    EXPECT_EQ(::ioctl(node.get(), DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &file), 0);
    return UniqueFd(file.fd);
}

TEST(SyncTimelineOnANode, PointsSignalInTurn) {
    const auto device = SyncDevice::open(kNode);
    ASSERT_TRUE(device) << device.error().message;
    const auto timeline = (*device)->create_timeline().value();
    const auto first = timeline->event_at(1).value();
    const auto second = timeline->event_at(2).value();
    EXPECT_FALSE(readable(first, kAtOnce));
    ASSERT_TRUE(timeline->set_point(1, -1));
    EXPECT_TRUE(readable(first, kPatience));
    EXPECT_FALSE(readable(second, kAtOnce));
    const UniqueFd node(::open(kNode, O_RDWR | O_CLOEXEC));
    const auto imported = timeline->set_point(2, signalled_sync_file(node).get());
    ASSERT_TRUE(imported) << imported.error().message;
    EXPECT_TRUE(readable(second, kPatience));
}

TEST(SyncTimelineOnANode, TheOtherSideSignalsThroughItsDescriptor) {
    const auto device = SyncDevice::open(kNode).value();
    const auto timeline = device->create_timeline().value();
    const auto released = timeline->event_at(7).value();
    const UniqueFd compositor(::open(kNode, O_RDWR | O_CLOEXEC));
    drm_syncobj_handle import{};
    import.fd = timeline->fd();
    ASSERT_EQ(::ioctl(compositor.get(), DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &import), 0);
    uint64_t point = 7;
    drm_syncobj_timeline_array signal{};
    signal.handles = reinterpret_cast<uintptr_t>(&import.handle);
    signal.points = reinterpret_cast<uintptr_t>(&point);
    signal.count_handles = 1;
    ASSERT_EQ(::ioctl(compositor.get(), DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &signal), 0);
    EXPECT_TRUE(readable(released, kPatience));
}

TEST(SyncTimelineOnANode, OtherFilesAreNotFences) {
    const auto device = SyncDevice::open(kNode).value();
    const auto timeline = device->create_timeline().value();
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    EXPECT_FALSE(timeline->set_point(1, null.get()));
    EXPECT_FALSE(timeline->set_point(1, 999'999));
}

TEST(SyncTimelineOnANode, IsFoundByItsNumber) {
    struct stat status {};
    ASSERT_EQ(::stat(kNode, &status), 0);
    const auto device = SyncDevice::open(status.st_rdev);
    EXPECT_TRUE(device) << device.error().message;
    EXPECT_FALSE(SyncDevice::open(dev_t{0}));
    EXPECT_FALSE(SyncDevice::open("/dev/null"));
}

}  // namespace
}  // namespace viaduct::wayland
