// Requests that pass the node, and fences that it is given later.
#include <atomic>
#include <chrono>
#include <thread>

#include "base/clock.h"
#include "guest-mesa/layer/fence_origins.h"
#include "tests/unit/guest-mesa/layer/amdgpu/fixture.h"

namespace viaduct::guest::amdgpu {
namespace {

using namespace std::chrono_literals;

/// A host that takes what is in the ring when it is told to, or before what comes through the node.
class PassingBy : public DriverTest {
  protected:
    static constexpr uint32_t kRing = 1;       // of graphics
    static constexpr uint32_t kOtherRing = 2;  // of the first compute queue

    PassingBy() {
        host.offer_guest_ring();
        host.misses_fences = true;
        context = create_context();
        host.take_from_guest_ring();
        host.sent.clear();
        host.requests.clear();
    }

    int submit_for(uint32_t syncobj, uint64_t point, uint32_t ring = kRing) {
        const drm_amdgpu_cs_chunk_syncobj out{syncobj, 0, point};
        const uint32_t ip_type = ring == kRing ? AMDGPU_HW_IP_GFX : AMDGPU_HW_IP_COMPUTE;
        return submit(context, ip_type, 0, nullptr,
                      {{AMDGPU_CHUNK_ID_SYNCOBJ_TIMELINE_SIGNAL, 4, user_pointer(&out)}});
    }
    /// Whether a submission that signals `point` of `syncobj` passes the node.
    bool passes_by(uint32_t syncobj, uint64_t point, uint32_t ring = kRing) {
        host.sent.clear();
        EXPECT_EQ(submit_for(syncobj, point, ring), 0);
        const bool through_node = !host.sent.empty();
        host.take_from_guest_ring();
        EXPECT_FALSE(host.sent.empty());
        return !through_node;
    }
    /// For a while: a program that only asks needs no fence of the node's.
    int wait(uint32_t handle, uint64_t point, int64_t ns = 2'000'000) {
        drm_syncobj_timeline_wait arg{};
        arg.handles = user_pointer(&handle);
        arg.points = user_pointer(&point);
        arg.count_handles = 1;
        arg.timeout_nsec = ns == 0 ? 0 : monotonic_ns() + ns;
        return call(DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, arg);
    }
    /// The request that was sent last.
    uint32_t newest() const { return host.requests.back().header.seqno; }
    /// The node's fences since the last call: ring, and the point of `syncobj`.
    std::vector<std::pair<uint32_t, uint64_t>> given(uint32_t syncobj) {
        std::vector<std::pair<uint32_t, uint64_t>> fences;
        for (const test::Sent& sent : std::exchange(host.sent, {}))
            for (const auto& out : sent.out)
                if (out.handle == syncobj) fences.emplace_back(sent.ring, out.point);
        return fences;
    }
    using Fences = std::vector<std::pair<uint32_t, uint64_t>>;

    uint32_t context = 0;
};

TEST_F(PassingBy, SubmissionsPassTheNodeAndTheirEndsAreSeen) {
    const uint32_t syncobj = create_syncobj();
    EXPECT_TRUE(passes_by(syncobj, 1));
    ASSERT_EQ(host.received(Command::kCsSubmit).size(), 1u);
    host.show_finished(kRing, host.requests.back().header.seqno);
    int asked = 0;
    host.on_wait = [&] { ++asked; };
    EXPECT_EQ(wait(syncobj, 1), 0);
    EXPECT_EQ(asked, 0);
    EXPECT_EQ(given(syncobj), Fences{});
}

TEST_F(PassingBy, WhoWaitsInTheNodeGivesItTheFenceFirst) {
    const uint32_t syncobj = create_syncobj();
    EXPECT_TRUE(passes_by(syncobj, 1));
    EXPECT_TRUE(passes_by(syncobj, 2));
    EXPECT_EQ(given(syncobj), Fences{});
    EXPECT_EQ(wait(syncobj, 1), -ETIME);
    EXPECT_EQ(given(syncobj), (Fences{{kRing, 2}})) << "it stands for the one before";
    EXPECT_EQ(wait(syncobj, 2), -ETIME);
    EXPECT_EQ(given(syncobj), Fences{}) << "once";
    host.finish_gpu_work();
    EXPECT_EQ(wait(syncobj, 2), 0);
}

TEST_F(PassingBy, WhoOnlyAsksNeedsNoFenceOfTheNodes) {
    const uint32_t syncobj = create_syncobj();
    EXPECT_TRUE(passes_by(syncobj, 1));
    int asked = 0;
    host.on_wait = [&] { ++asked; };
    EXPECT_EQ(wait(syncobj, 1, 0), -ETIME);
    EXPECT_EQ(given(syncobj), Fences{});
    EXPECT_EQ(asked, 0);
    EXPECT_EQ(wait(syncobj, 2, 0), -EINVAL) << "the node's to say";
}

// Of work that was refused or lost the host shows no end.
TEST_F(PassingBy, WhoAsksForLongIsAnsweredByTheNode) {
    const uint32_t syncobj = create_syncobj();
    const auto ask = [&] { return wait(syncobj, 1, 0); };
    const auto query = [&] {
        uint64_t point = 0;
        drm_syncobj_timeline_array arg{};
        arg.handles = user_pointer(&syncobj);
        arg.points = user_pointer(&point);
        arg.count_handles = 1;
        return call(DRM_IOCTL_SYNCOBJ_QUERY, arg);
    };
    EXPECT_TRUE(passes_by(syncobj, 1));
    EXPECT_EQ(ask(), -ETIME);
    EXPECT_EQ(query(), 0);
    EXPECT_EQ(given(syncobj), Fences{});
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    EXPECT_EQ(ask(), -ETIME);
    EXPECT_EQ(given(syncobj), (Fences{{kRing, 1}}));
    host.finish_gpu_work();
    EXPECT_EQ(ask(), 0);
    EXPECT_TRUE(passes_by(syncobj, 2));
    host.sent.clear();
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    EXPECT_EQ(query(), 0);
    EXPECT_EQ(given(syncobj), (Fences{{kRing, 2}}));
}

// The node has had it for long, though it waits for the GPU with the next one.
TEST_F(PassingBy, APointThatTheCpuSignalledIsSignalled) {
    const uint32_t syncobj = create_syncobj();
    GemVa arg{};
    arg.base.operation = AMDGPU_VA_OP_CLEAR;
    arg.vm_timeline_syncobj_out = syncobj;
    arg.vm_timeline_point = 5;
    EXPECT_EQ(call(DRM_IOW(DRM_COMMAND_BASE + DRM_AMDGPU_GEM_VA, GemVa), arg), 0);
    EXPECT_TRUE(passes_by(syncobj, 6));
    EXPECT_EQ(wait(syncobj, 5, 0), 0);
    EXPECT_EQ(wait(syncobj, 6, 0), -ETIME);
    arg.vm_timeline_syncobj_out = create_syncobj();
    EXPECT_EQ(call(DRM_IOW(DRM_COMMAND_BASE + DRM_AMDGPU_GEM_VA, GemVa), arg), 0);
    EXPECT_FALSE(passes_by(arg.vm_timeline_syncobj_out, 4)) << "it does not grow";
}

TEST_F(PassingBy, ASyncobjThatIsNamedTwiceIsTheNodes) {
    const uint32_t syncobj = create_syncobj();
    const drm_amdgpu_cs_chunk_syncobj out[] = {{syncobj, 0, 9}, {syncobj, 0, 7}};
    EXPECT_EQ(submit(context, 0, 0, nullptr,
                     {{AMDGPU_CHUNK_ID_SYNCOBJ_TIMELINE_SIGNAL, 8, user_pointer(&out)}}),
              0);
    EXPECT_EQ(given(syncobj), (Fences{{kRing, 9}, {kRing, 7}}));
}

// One of two threads that wait has the fence in its hands, and has not given it to the node.
TEST_F(PassingBy, TwoThreadsThatWaitFindTheFenceInTheNode) {
    const uint32_t syncobj = create_syncobj();
    EXPECT_TRUE(passes_by(syncobj, 1));
    std::thread other;
    int others = 0;
    host.on_exec = [&] {
        if (other.joinable()) return;
        other = std::thread([&] { others = wait(syncobj, 1); });
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    };
    EXPECT_EQ(wait(syncobj, 1), -ETIME);
    other.join();
    EXPECT_EQ(others, -ETIME);
}

// The node's fence is the end of all that was submitted to the ring.
TEST_F(PassingBy, AWaitDoesNotWaitForWhatCameLater) {
    const uint32_t a = create_syncobj(), b = create_syncobj();
    EXPECT_TRUE(passes_by(a, 1));
    const uint32_t request = newest();
    EXPECT_TRUE(passes_by(b, 1));
    host.on_wait = [&] { host.show_finished(kRing, request); };
    EXPECT_EQ(wait(a, 1), 0);
    EXPECT_EQ(wait(b, 1), -ETIME);
}

TEST_F(PassingBy, AFenceThatHasSignalledIsGivenAsSuch) {
    const uint32_t a = create_syncobj(), b = create_syncobj();
    EXPECT_TRUE(passes_by(a, 1));
    const uint32_t first = newest();
    EXPECT_TRUE(passes_by(a, 2));
    const uint32_t second = newest();
    EXPECT_TRUE(passes_by(b, 1));
    host.show_finished(kRing, first);
    EXPECT_EQ(wait(a, 1), 0);
    host.sent.clear();
    host.passed.clear();
    drm_syncobj_handle arg{};
    arg.handle = a;
    arg.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE;
    EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, arg), 0);
    EXPECT_EQ(host.passed, (std::vector<unsigned long>{DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL}))
        << "what a program was told of";
    EXPECT_EQ(given(a), (Fences{{kRing, 2}}));
    EXPECT_TRUE(passes_by(a, 3));
    host.show_finished(kRing, newest());
    host.sent.clear();
    host.passed.clear();
    EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, arg), 0);
    EXPECT_EQ(host.passed, (std::vector<unsigned long>{DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL}));
    EXPECT_EQ(given(a), Fences{});
    EXPECT_NE(second, first);
}

TEST_F(PassingBy, AFenceThatTheNodeDoesNotTakeStaysOwed) {
    const uint32_t syncobj = create_syncobj();
    EXPECT_TRUE(passes_by(syncobj, 1));
    host.exec_error = -ENOMEM;
    EXPECT_EQ(wait(syncobj, 1), -ENOMEM);
    EXPECT_EQ(wait(syncobj, 1), -ETIME);
    EXPECT_EQ(given(syncobj), (Fences{{kRing, 1}}));
}

TEST_F(PassingBy, ARefusedSubmissionLeavesABinarySyncobjItsFence) {
    const uint32_t syncobj = create_syncobj();
    EXPECT_TRUE(passes_by(syncobj, 0));
    host.sent.clear();
    host.set_awake(false);
    host.exec_error = -ENOMEM;
    EXPECT_EQ(submit_for(syncobj, 0), -ENOMEM);
    EXPECT_EQ(given(syncobj), (Fences{{kRing, 0}}));
}

TEST_F(PassingBy, AHandleThatTheNodeDoesNotKnowIsItsToRefuse) {
    EXPECT_FALSE(passes_by(99, 1));
}

// Of a transfer that may wait for it.
TEST_F(PassingBy, NothingIsOwedWhileAThreadWaitsInTheNode) {
    const uint32_t source = create_syncobj();
    bool passed = true;
    host.on_transfer = [&] { passed = passes_by(source, 5); };
    drm_syncobj_transfer arg{};
    arg.src_handle = source;
    arg.src_point = 5;
    arg.dst_handle = create_syncobj();
    arg.flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT;
    EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_TRANSFER, arg), 0);
    EXPECT_FALSE(passed);
    EXPECT_TRUE(passes_by(source, 6));
}

TEST_F(PassingBy, ASubmissionThroughTheNodeStandsForThoseBeforeIt) {
    const uint32_t syncobj = create_syncobj();
    EXPECT_TRUE(passes_by(syncobj, 1));
    host.set_awake(false);
    EXPECT_FALSE(passes_by(syncobj, 2));
    EXPECT_EQ(given(syncobj), (Fences{{kRing, 2}}));
    EXPECT_EQ(wait(syncobj, 1), -ETIME);
    EXPECT_EQ(given(syncobj), Fences{}) << "points of the node grow";
    host.set_awake(true);
    EXPECT_TRUE(passes_by(syncobj, 3));
}

TEST_F(PassingBy, WhatTheNodeIsAskedAboutOrChangesIsGivenToItFirst) {
    const auto with = [&](auto change) {
        const uint32_t syncobj = create_syncobj();
        EXPECT_TRUE(passes_by(syncobj, 1));
        host.sent.clear();
        change(syncobj);
        return given(syncobj);
    };
    const Fences paid = {{kRing, 1}};
    EXPECT_EQ(with([&](uint32_t handle) {
                  drm_syncobj_handle arg{};
                  arg.handle = handle;
                  arg.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE;
                  EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, arg), 0);
              }),
              paid);
    EXPECT_EQ(with([&](uint32_t handle) {
                  drm_syncobj_transfer arg{};
                  arg.src_handle = handle;
                  arg.src_point = 1;
                  arg.dst_handle = create_syncobj();
                  EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_TRANSFER, arg), 0);
              }),
              paid);
    EXPECT_EQ(with([&](uint32_t handle) {
                  uint64_t point = 5;
                  drm_syncobj_timeline_array arg{};
                  arg.handles = user_pointer(&handle);
                  arg.points = user_pointer(&point);
                  arg.count_handles = 1;
                  EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, arg), 0);
              }),
              paid);
    EXPECT_EQ(with([&](uint32_t handle) {
                  uint64_t point = 0;
                  drm_syncobj_timeline_array arg{};
                  arg.handles = user_pointer(&handle);
                  arg.points = user_pointer(&point);
                  arg.count_handles = 1;
                  arg.flags = DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED;
                  EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_QUERY, arg), 0);
              }),
              paid);
    EXPECT_EQ(with([&](uint32_t handle) {
                  drm_syncobj_array arg{};
                  arg.handles = user_pointer(&handle);
                  arg.count_handles = 1;
                  EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_RESET, arg), 0);
                  EXPECT_EQ(wait(handle, 1), -EINVAL);
              }),
              Fences{})
        << "its fence is gone";
}

TEST_F(PassingBy, FencesThatOthersMayWaitForAreTheNodes) {
    const uint32_t exported = create_syncobj(), watched = create_syncobj();
    drm_syncobj_handle handle{};
    handle.handle = exported;
    EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, handle), 0);
    struct {
        uint32_t handle, flags;
        uint64_t point;
        int32_t fd;
        uint32_t pad;
    } watch{watched, 0, 1, 0, 0};
    EXPECT_EQ(node.ioctl(channel, DRM_IOWR(kSyncobjEventfd, watch), &watch), 0);
    EXPECT_FALSE(passes_by(exported, 1));
    EXPECT_FALSE(passes_by(watched, 1)) << "it was to come";
    EXPECT_TRUE(passes_by(create_syncobj(), 1));
}

TEST_F(PassingBy, OnASyncobjOfTwoRingsNothingIsOwed) {
    const uint32_t syncobj = create_syncobj();
    EXPECT_TRUE(passes_by(syncobj, 1));
    EXPECT_FALSE(passes_by(syncobj, 2, kOtherRing));
    EXPECT_EQ(given(syncobj), (Fences{{kRing, 1}, {kOtherRing, 2}}));
    EXPECT_FALSE(passes_by(syncobj, 3));
}

TEST_F(PassingBy, ABinarySyncobjHasTheNewestFenceOnly) {
    const uint32_t syncobj = create_syncobj();
    EXPECT_TRUE(passes_by(syncobj, 0));
    EXPECT_TRUE(passes_by(syncobj, 0, kOtherRing));
    host.sent.clear();
    drm_syncobj_wait arg{};
    arg.handles = user_pointer(&syncobj);
    arg.count_handles = 1;
    arg.timeout_nsec = monotonic_ns() + 2'000'000;
    EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_WAIT, arg), 0);
    EXPECT_EQ(given(syncobj), (Fences{{kOtherRing, 0}}));
}

TEST_F(PassingBy, NothingPassesABufferThatTheHostDoesNotKnowYet) {
    const uint32_t syncobj = create_syncobj();
    EXPECT_TRUE(passes_by(syncobj, 1));
    create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0);
    EXPECT_TRUE(passes_by(syncobj, 2)) << "it has counted it";
    host.counts_blobs = false;
    create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0);
    EXPECT_FALSE(passes_by(syncobj, 3));
    host.counts_blobs = true;
    EXPECT_TRUE(passes_by(syncobj, 4)) << "it has run what came through the node later";
    create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0);
    EXPECT_TRUE(passes_by(syncobj, 5)) << "it counts on";
    drm_prime_handle arg{};
    EXPECT_EQ(call(DRM_IOCTL_PRIME_FD_TO_HANDLE, arg), 0);
    EXPECT_FALSE(passes_by(syncobj, 6));
}

// One blob is counted while another thread's ioctl for it goes on, and its own is not.
TEST_F(PassingBy, AnothersBlobIsNotTakenForOnesOwn) {
    const uint32_t syncobj = create_syncobj();
    EXPECT_TRUE(passes_by(syncobj, 1));
    bool passed = true;
    host.on_blob = [&] {
        host.on_blob = nullptr;
        host.counts_blobs = false;
        virtgpu::ResourceCreateBlob blob{};
        EXPECT_EQ(call(kVirtgpuCreateBlob, blob), 0);
        passed = passes_by(syncobj, 2);
    };
    create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0);
    EXPECT_FALSE(passed);
}

// The monitor may still have what went through the node: it wakes the host, which then puts the
// rest behind it.
TEST_F(PassingBy, WhatFollowsARequestToAHostThatSleepsPassesIt) {
    const uint32_t syncobj = create_syncobj();
    host.publishes = false;
    host.set_awake(false);
    EXPECT_FALSE(passes_by(syncobj, 1));
    const uint32_t through_node = newest();
    for (uint64_t point = 2; point < 5; ++point) {
        EXPECT_TRUE(passes_by(syncobj, point));
        ASSERT_EQ(host.sent.size(), 1u) << "no further wake-up";
        EXPECT_EQ(host.sent[0].after, through_node);
    }
}

TEST_F(PassingBy, AHostThatHasSleptSinceIsWokenAgain) {
    const uint32_t syncobj = create_syncobj();
    host.set_awake(false);
    EXPECT_FALSE(passes_by(syncobj, 1));
    host.set_awake(true);
    host.set_awake(false);
    EXPECT_FALSE(passes_by(syncobj, 2));
    EXPECT_TRUE(passes_by(syncobj, 3));
}

// That fence stands for all that the host finds in the ring when it gets there.
TEST_F(PassingBy, NothingIsInTheRingBeforeAFenceThatOthersMayWaitFor) {
    const uint32_t syncobj = create_syncobj(), exported = create_syncobj();
    drm_syncobj_handle handle{};
    handle.handle = exported;
    EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, handle), 0);
    EXPECT_TRUE(passes_by(syncobj, 1));
    host.publishes = false;
    EXPECT_FALSE(passes_by(exported, 1));
    EXPECT_FALSE(passes_by(syncobj, 2));
    host.publishes = true;
    EXPECT_FALSE(passes_by(exported, 2));
    EXPECT_TRUE(passes_by(syncobj, 3));
}

TEST_F(PassingBy, NothingPassesToAHostThatHasGivenTheRingUp) {
    const uint32_t syncobj = create_syncobj();
    host.give_ring_up();
    for (uint64_t point = 1; point < 4; ++point) EXPECT_FALSE(passes_by(syncobj, point));
}

// Before that, its count of them may have some that the node was asked for earlier.
TEST_F(PassingBy, NoBlobPassesBeforeTheHostHasRunWhatItWasSent) {
    const uint32_t syncobj = create_syncobj();
    host.publishes = false;
    host.set_awake(false);
    EXPECT_FALSE(passes_by(syncobj, 1));
    host.set_awake(true);
    virtgpu::ResourceCreateBlob blob{};
    EXPECT_EQ(call(kVirtgpuCreateBlob, blob), 0);
    EXPECT_FALSE(passes_by(syncobj, 2));
    EXPECT_TRUE(passes_by(syncobj, 3)) << "it is behind that";
}

/// The host has these submissions, each once and in order.
void expect_in_order(const test::FakeHost& host, size_t submissions) {
    EXPECT_EQ(host.received(Command::kCsSubmit).size(), submissions) << "none is lost";
    uint32_t last = 0;
    for (const test::Received& request : host.requests) {
        EXPECT_GT(request.header.seqno, last);
        last = request.header.seqno;
    }
}

TEST_F(PassingBy, AFullRingIsNoObstacle) {
    std::vector<drm_amdgpu_bo_list_entry> buffers(100);
    for (auto& each : buffers) each.bo_handle = create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0);
    host.take_from_guest_ring();
    host.sent.clear();
    host.requests.clear();
    drm_amdgpu_bo_list_in list{};
    list.operation = list.list_handle = ~0u;
    list.bo_number = static_cast<uint32_t>(buffers.size());
    list.bo_info_size = sizeof(buffers[0]);
    list.bo_info_ptr = user_pointer(buffers.data());
    size_t submissions = 0;
    for (; host.sent.empty() && submissions < 100; ++submissions)
        ASSERT_EQ(submit(context, 0, 0, nullptr,
                         {{AMDGPU_CHUNK_ID_BO_HANDLES, sizeof(list) / 4, user_pointer(&list)}}),
                  0);
    EXPECT_GT(submissions, 20u);
    EXPECT_LT(submissions, 40u);
    EXPECT_FALSE(host.sent.back().passed_by);
    expect_in_order(host, submissions);
}

// Now and then the guest finds the ring or the receipts full, and room after a short while or not.
TEST_F(PassingBy, AFloodArrivesWhole) {
    constexpr size_t kSubmissions = 3000;
    std::atomic<bool> done = false;
    std::thread takes([&] {
        for (std::chrono::microseconds pause{0}; !done; pause = (pause + 7us) % 300us) {
            host.take_from_guest_ring();
            std::this_thread::sleep_for(pause);
        }
    });
    for (size_t i = 0; i < kSubmissions; ++i)
        EXPECT_EQ(submit(context, AMDGPU_HW_IP_GFX, 0, nullptr, {}), 0);
    done = true;
    takes.join();
    host.take_from_guest_ring();
    expect_in_order(host, kSubmissions);
}

}  // namespace
}  // namespace viaduct::guest::amdgpu
