// Waits that are answered from what the host shows of finished work.
#include "guest-mesa/layer/fence_waits.h"

#include <atomic>
#include <thread>

#include "tests/unit/guest-mesa/layer/amdgpu/fixture.h"

namespace viaduct::guest::amdgpu {
namespace {

constexpr uint32_t kRing = 1, kOtherRing = 2;  // of graphics, and of the first compute queue

/// The node never hears of an end by itself here: what it is asked it answers with ETIME.
class FenceWaits : public DriverTest {
  protected:
    FenceWaits() {
        host.show_finished_work();
        context = create_context();
    }

    /// Signals `point` of `syncobj`. The number of its request.
    uint32_t submit_for(uint32_t syncobj, uint64_t point, uint32_t ring = kRing) {
        const drm_amdgpu_cs_chunk_syncobj out{syncobj, 0, point};
        const uint32_t ip_type = ring == kRing ? AMDGPU_HW_IP_GFX : AMDGPU_HW_IP_COMPUTE;
        EXPECT_EQ(submit(context, ip_type, 0, nullptr,
                         {{AMDGPU_CHUNK_ID_SYNCOBJ_TIMELINE_SIGNAL, 4, user_pointer(&out)}}),
                  0);
        EXPECT_EQ(host.sent.back().ring, ring);
        return host.requests.back().header.seqno;
    }
    int wait(std::vector<uint32_t> handles, std::vector<uint64_t> points, uint32_t flags = 0) {
        drm_syncobj_timeline_wait arg{};
        arg.handles = user_pointer(handles.data());
        arg.points = user_pointer(points.data());
        arg.count_handles = static_cast<uint32_t>(handles.size());
        arg.flags = flags;
        const int result = call(DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, arg);
        first = arg.first_signaled;
        return result;
    }
    uint64_t query(uint32_t handle, uint32_t flags = 0) {
        uint64_t point = 0;
        drm_syncobj_timeline_array arg{};
        arg.handles = user_pointer(&handle);
        arg.points = user_pointer(&point);
        arg.count_handles = 1;
        arg.flags = flags;
        EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_QUERY, arg), 0);
        return point;
    }

    uint32_t context = 0, first = 99;
};

TEST_F(FenceWaits, EndWhenTheHostShowsTheEnd) {
    const uint32_t syncobj = create_syncobj();
    const uint32_t earlier = submit_for(syncobj, 1);
    const uint32_t later = submit_for(syncobj, 2);
    EXPECT_EQ(wait({syncobj}, {1}), -ETIME);
    host.show_finished(kRing, earlier - 1);
    EXPECT_EQ(wait({syncobj}, {1}), -ETIME) << "a request before it";
    host.show_finished(kOtherRing, later);
    EXPECT_EQ(wait({syncobj}, {1}), -ETIME) << "another ring";
    host.show_finished(kRing, earlier);
    EXPECT_EQ(wait({syncobj}, {1}), 0);
    EXPECT_EQ(wait({syncobj}, {2}), -ETIME);
    host.show_finished(kRing, later);
    EXPECT_EQ(wait({syncobj}, {2}), 0);
}

TEST_F(FenceWaits, OfBinarySyncobjsToo) {
    const uint32_t syncobj = create_syncobj();
    const uint32_t request = submit_for(syncobj, 0);
    drm_syncobj_wait arg{};
    arg.handles = user_pointer(&syncobj);
    arg.count_handles = 1;
    const auto asks_the_node = [&] {
        const size_t before = host.passed.size();
        EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_WAIT, arg), 0);
        return host.passed.size() != before;
    };
    EXPECT_TRUE(asks_the_node());
    host.show_finished(kRing, request);
    EXPECT_FALSE(asks_the_node());
    drm_syncobj_array reset{};
    reset.handles = user_pointer(&syncobj);
    reset.count_handles = 1;
    EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_RESET, reset), 0);
    EXPECT_TRUE(asks_the_node()) << "it has no fence now";
}

TEST_F(FenceWaits, ForAllAndForAny) {
    const uint32_t a = create_syncobj(), b = create_syncobj(), unknown = create_syncobj();
    const uint32_t to_a = submit_for(a, 5);
    const uint32_t to_b = submit_for(b, 5, kOtherRing);
    host.show_finished(kOtherRing, to_b);
    EXPECT_EQ(wait({a, b}, {5, 5}, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL), -ETIME);
    EXPECT_EQ(wait({a, b}, {5, 5}), 0);
    EXPECT_EQ(first, 1u);
    EXPECT_EQ(wait({unknown, b}, {5, 5}), -ETIME) << "the node's, which knows errors";
    host.show_finished(kRing, to_a);
    EXPECT_EQ(wait({a, b}, {5, 5}, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL), 0);
    EXPECT_EQ(wait({a, unknown}, {5, 5}, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL), -ETIME);
    EXPECT_EQ(wait({a, b}, {5, 5}, 1u << 20), -ETIME) << "a flag that only the node may know";
}

TEST_F(FenceWaits, AQuerySaysNoLessThanAWaitHasSaid) {
    const uint32_t syncobj = create_syncobj();
    const uint32_t earlier = submit_for(syncobj, 7);
    submit_for(syncobj, 9);
    EXPECT_EQ(query(syncobj), 0u);
    host.show_finished(kRing, earlier);
    EXPECT_EQ(query(syncobj), 7u);
    EXPECT_EQ(query(syncobj, DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED), 0u) << "as the node has it";
    host.finish_gpu_work();
    EXPECT_EQ(query(syncobj), 9u) << "of the node, which knows more";
}

TEST_F(FenceWaits, TheDriversOwnWaitsKnowToo) {
    uint64_t seqno = 0, busy = 9;
    EXPECT_EQ(submit(context, 0, 0, &seqno), 0);
    EXPECT_EQ(wait_cs(context, 0, seqno, &busy), 0);
    EXPECT_EQ(busy, 1u);
    host.show_finished(kRing, host.requests.back().header.seqno);
    EXPECT_EQ(wait_cs(context, 0, seqno, &busy), 0);
    EXPECT_EQ(busy, 0u);
}

/// Long enough to look for a while first.
class LongFenceWaits : public FenceWaits {
  protected:
    int wait_long(uint32_t syncobj, uint64_t point) {
        drm_syncobj_timeline_wait arg{};
        arg.handles = user_pointer(&syncobj);
        arg.points = user_pointer(&point);
        arg.count_handles = 1;
        arg.timeout_nsec = INT64_MAX;
        return call(DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, arg);
    }
};

// The host may report fences late while somebody looks, but not to whoever waits in the node.
TEST_F(LongFenceWaits, SayThatTheyLookAndWhenTheyNoLongerDo) {
    const uint32_t syncobj = create_syncobj();
    submit_for(syncobj, 1);
    uint32_t in_the_node = 99;
    host.on_wait = [&] { in_the_node = host.looked_for(kRing); };
    // Ends in the node, for the host shows nothing.
    std::atomic<bool> is_over = false;
    std::atomic<uint32_t> seen = 0;
    std::thread host_looks([&] {
        while (!is_over)
            if (const uint32_t request = host.looked_for(kRing); request != 0) seen = request;
    });
    // A look in vain is not repeated soon.
    for (int i = 0; i < 2000 && seen == 0; ++i) EXPECT_EQ(wait_long(syncobj, 1), -ETIME);
    is_over = true;
    host_looks.join();
    EXPECT_EQ(seen, host.requests.back().header.seqno);
    EXPECT_EQ(in_the_node, 0u);
    EXPECT_EQ(host.looked_for(kRing), 0u);
}

TEST_F(LongFenceWaits, SayNothingWhereOthersMayWaitForTheFences) {
    const uint32_t syncobj = create_syncobj();
    submit_for(syncobj, 1);
    drm_syncobj_handle exported{};
    exported.handle = create_syncobj();
    EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, exported), 0);
    std::atomic<bool> is_over = false;
    std::atomic<uint32_t> seen = 0;
    std::thread host_looks([&] {
        while (!is_over)
            if (const uint32_t request = host.looked_for(kRing); request != 0) seen = request;
    });
    for (int i = 0; i < 100; ++i) EXPECT_EQ(wait_long(syncobj, 1), -ETIME);
    is_over = true;
    host_looks.join();
    EXPECT_EQ(seen, 0u);
}

TEST_F(FenceWaits, ARefusedSubmissionSignalsNothing) {
    const uint32_t syncobj = create_syncobj();
    host.show_finished(kRing, submit_for(syncobj, 1));
    host.exec_error = -EINTR;
    const drm_amdgpu_cs_chunk_syncobj out{syncobj, 0, 2};
    EXPECT_EQ(submit(context, 0, 0, nullptr,
                     {{AMDGPU_CHUNK_ID_SYNCOBJ_TIMELINE_SIGNAL, 4, user_pointer(&out)}}),
              -EINTR);
    EXPECT_EQ(wait({syncobj}, {2}), -ETIME);
    EXPECT_EQ(wait({syncobj}, {1}), 0);
    host.show_finished(kRing, submit_for(syncobj, 2));
    EXPECT_EQ(wait({syncobj}, {2}), 0) << "when it is tried again";
    uint64_t seqno = 0, busy = 9;
    EXPECT_EQ(submit(context, 0, 0, &seqno), 0);
    host.show_finished(kRing, host.requests.back().header.seqno);
    EXPECT_EQ(wait_cs(context, 0, seqno, &busy), 0);
    EXPECT_EQ(busy, 0u) << "the ring's own timeline, too";
}

// Others see what the node knows.
TEST_F(FenceWaits, TheNodeKnowsBeforeAFenceIsExported) {
    const uint32_t syncobj = create_syncobj();
    host.show_finished(kRing, submit_for(syncobj, 3));
    int asked = 0;
    host.on_wait = [&] { ++asked; };
    EXPECT_EQ(wait({syncobj}, {3}), 0);
    EXPECT_EQ(asked, 0);
    drm_syncobj_handle exported{};
    exported.handle = syncobj;
    EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, exported), 0);
    EXPECT_EQ(asked, 1);
}

// The number of a ring without work stays behind: 2^31 requests later it must not seem ahead.
TEST_F(FenceWaits, AnOldNumberIsNoFutureOne) {
    const uint32_t syncobj = create_syncobj();
    const uint32_t request = submit_for(syncobj, 1);
    for (const uint32_t stale : {request + 1, request + 1000, request + (1u << 31), request - 1}) {
        host.show_finished(kRing, stale);
        EXPECT_EQ(wait({syncobj}, {1}), -ETIME) << stale;
    }
}

/// A host whose control buffer ends with the driver's fields.
class FenceWaitsOfAnotherHost : public DriverTest {};

TEST_F(FenceWaitsOfAnotherHost, AreTheNodes) {
    const uint32_t context = create_context();
    uint64_t seqno = 0, busy = 0;
    EXPECT_EQ(submit(context, 0, 0, &seqno), 0);
    EXPECT_EQ(wait_cs(context, 0, seqno, &busy), 0);
    EXPECT_EQ(busy, 1u);
    host.finish_gpu_work();
    EXPECT_EQ(wait_cs(context, 0, seqno, &busy), 0);
    EXPECT_EQ(busy, 0u);
}

}  // namespace
}  // namespace viaduct::guest::amdgpu
