// Waits that are answered from the numbers that the GPU writes for the driver.
#include <sys/mman.h>

#include <chrono>
#include <cstring>
#include <limits>
#include <thread>

#include "tests/unit/guest-mesa/layer/amdgpu/fixture.h"

namespace viaduct::guest::amdgpu {
namespace {

constexpr uint64_t kOffset = 64;  // of the number, in its buffer

/// Neither the host nor the node ever tells of an end here.
class UserFencesTest : public DriverTest {
  protected:
    enum class Host { kShowsEnds, kHasRing, kRecords };
    explicit UserFencesTest(Host kind = Host::kShowsEnds) {
        if (kind == Host::kShowsEnds) host.show_finished_work();
        if (kind == Host::kHasRing) host.offer_guest_ring();
        context = create_context();
        buffer = create_fence_buffer();
        syncobj = create_syncobj();
    }

    uint32_t create_fence_buffer(uint64_t size = test::FakeHost::kBufferBytes) {
        return create_buffer(size, AMDGPU_GEM_DOMAIN_GTT, AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED);
    }
    struct Work {
        uint32_t context;
        uint64_t point;
        uint32_t ip_type = AMDGPU_HW_IP_GFX;
        uint64_t offset = kOffset;
    };
    /// Signals work.point of `syncobj`, and names the place of the number.
    void submit_with_fence(const Work& work) {
        const drm_amdgpu_cs_chunk_syncobj out{syncobj, 0, work.point};
        const drm_amdgpu_cs_chunk_fence fence{buffer, static_cast<uint32_t>(work.offset)};
        EXPECT_EQ(submit(work.context, work.ip_type, 0, nullptr,
                         {{AMDGPU_CHUNK_ID_SYNCOBJ_TIMELINE_SIGNAL, 4, user_pointer(&out)},
                          {AMDGPU_CHUNK_ID_FENCE, 2, user_pointer(&fence)}}),
                  0);
    }
    void submit_with_fence(uint64_t point) { submit_with_fence({context, point}); }
    void end(uint64_t number) { host.write_buffer(buffer, kOffset, number); }
    bool has_ended(uint64_t point) {
        drm_syncobj_timeline_wait arg{};
        arg.handles = user_pointer(&syncobj);
        arg.points = user_pointer(&point);
        arg.count_handles = 1;
        const int result = call(DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, arg);
        EXPECT_TRUE(result == 0 || result == -ETIME) << result;
        return result == 0;
    }

    uint32_t context = 0, buffer = 0, syncobj = 0;
};

TEST_F(UserFencesTest, EndAWait) {
    submit_with_fence(1);
    submit_with_fence(2);
    EXPECT_FALSE(has_ended(1));
    end(1);
    EXPECT_TRUE(has_ended(1));
    EXPECT_FALSE(has_ended(2));
    end(2);
    EXPECT_TRUE(has_ended(2));
}

TEST_F(UserFencesTest, EndAWaitForTheSubmissionsOwnNumber) {
    submit_with_fence(1);
    uint64_t busy = 0;
    EXPECT_EQ(wait_cs(context, AMDGPU_HW_IP_GFX, 1, &busy), 0);
    EXPECT_EQ(busy, 1u);
    end(1);
    EXPECT_EQ(wait_cs(context, AMDGPU_HW_IP_GFX, 1, &busy), 0);
    EXPECT_EQ(busy, 0u);
}

TEST_F(UserFencesTest, AreMappedOnce) {
    host.mapped.clear();
    for (const uint64_t point : {1, 2, 3}) submit_with_fence(point);
    EXPECT_EQ(host.mapped, std::vector{buffer});
}

class RecordingHost : public UserFencesTest {
  protected:
    RecordingHost() : UserFencesTest(Host::kRecords) {}
};

TEST_F(RecordingHost, HasTheGuestWaitForTheNode) {
    submit_with_fence(1);
    end(1);
    EXPECT_FALSE(has_ended(1));
}

// The number there is that of another owner's work.
TEST_F(UserFencesTest, AreNotBelievedWhereTheNumberIsTooHighAtFirst) {
    end(1);
    submit_with_fence(1);
    EXPECT_FALSE(has_ended(1));
    submit_with_fence(2);
    end(2);
    EXPECT_FALSE(has_ended(2));
}

TEST_F(UserFencesTest, AreNotBelievedWhereSeveralContextsCount) {
    submit_with_fence(1);
    const uint32_t first = std::exchange(syncobj, create_syncobj());
    submit_with_fence({create_context(), 1});
    end(1);
    EXPECT_FALSE(has_ended(1));
    syncobj = first;
    EXPECT_FALSE(has_ended(1)) << "sent before";
    submit_with_fence(2);
    end(2);
    EXPECT_FALSE(has_ended(2)) << "sent after";
}

TEST_F(UserFencesTest, AreNotBelievedWhereSeveralRingsCount) {
    submit_with_fence(1);
    const uint32_t first = std::exchange(syncobj, create_syncobj());
    submit_with_fence({context, 1, AMDGPU_HW_IP_COMPUTE});
    end(1);
    EXPECT_FALSE(has_ended(1));
    syncobj = first;
    EXPECT_FALSE(has_ended(1));
}

// On a ring, the work of one context may overtake another's.
TEST_F(UserFencesTest, SayNothingOfAnotherContextsWorkBefore) {
    const uint32_t other = create_context();
    submit_with_fence({other, 1, AMDGPU_HW_IP_GFX, kOffset + 8});
    submit_with_fence(2);
    end(1);
    EXPECT_FALSE(has_ended(2));
    EXPECT_FALSE(has_ended(1));
}

TEST_F(UserFencesTest, OfAContextThatIsGoneAreNoneOfTheNext) {
    submit_with_fence(1);
    end(1);
    EXPECT_TRUE(has_ended(1));
    EXPECT_EQ(free_context(context), 0);
    host.next_context = context;
    EXPECT_EQ(create_context(), context);
    submit_with_fence(2);
    EXPECT_FALSE(has_ended(2));
}

// It may be counted on another ring of the hardware, which is faster.
TEST_F(UserFencesTest, OfTheNextContextOfANumberSayNothingOfWorkBefore) {
    submit_with_fence(1);
    const uint32_t old_buffer = std::exchange(buffer, create_fence_buffer());
    EXPECT_EQ(free_context(context), 0);
    host.next_context = context;
    EXPECT_EQ(create_context(), context);
    submit_with_fence(2);
    end(1);
    EXPECT_FALSE(has_ended(2));
    EXPECT_FALSE(has_ended(1));
    host.write_buffer(old_buffer, kOffset, 1);
    EXPECT_FALSE(has_ended(1)) << "late, not wrong";
}

TEST_F(UserFencesTest, OfTheNextContextAtTheSamePlaceAreNoneOfTheLast) {
    submit_with_fence(1);
    EXPECT_EQ(free_context(context), 0);
    const uint32_t first = std::exchange(syncobj, create_syncobj());
    submit_with_fence({create_context(), 1});
    end(1);
    EXPECT_FALSE(has_ended(1));
    syncobj = first;
    EXPECT_FALSE(has_ended(1));
}

TEST_F(UserFencesTest, AreBelievedAgainOnceAllBeforeHasEnded) {
    submit_with_fence({create_context(), 1, AMDGPU_HW_IP_GFX, kOffset + 8});
    submit_with_fence(2);
    host.show_finished(1, host.requests.back().header.seqno);
    EXPECT_TRUE(has_ended(2));
    submit_with_fence(3);
    EXPECT_FALSE(has_ended(3));
    end(2);
    EXPECT_TRUE(has_ended(3));
}

TEST_F(UserFencesTest, SayNothingOfAnotherContextsBinaryFence) {
    submit_with_fence({create_context(), 0, AMDGPU_HW_IP_GFX, kOffset + 8});
    submit_with_fence(7);
    end(1);
    EXPECT_FALSE(has_ended(7));
}

TEST_F(UserFencesTest, OfSeveralContextsAreNotTransferred) {
    submit_with_fence({create_context(), 1, AMDGPU_HW_IP_GFX, kOffset + 8});
    submit_with_fence(2);
    drm_syncobj_transfer transfer{};
    transfer.src_handle = std::exchange(syncobj, create_syncobj());
    transfer.src_point = 2;
    transfer.dst_handle = syncobj;
    transfer.dst_point = 1;
    EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_TRANSFER, transfer), 0);
    end(1);
    EXPECT_FALSE(has_ended(1));
}

// A kernel that kills a job has its number written, too.
TEST_F(UserFencesTest, OfLongJobsAreTheHostsToTell) {
    submit_with_fence(1);
    std::this_thread::sleep_for(std::chrono::milliseconds(1050));
    end(1);
    EXPECT_FALSE(has_ended(1));
    submit_with_fence(2);
    end(2);
    EXPECT_FALSE(has_ended(2)) << "the one before may have been killed";
    host.show_finished(1, host.requests.back().header.seqno);
    EXPECT_TRUE(has_ended(1));
    EXPECT_TRUE(has_ended(2));
    submit_with_fence(3);
    end(3);
    EXPECT_TRUE(has_ended(3));
}

TEST_F(UserFencesTest, SayNothingOfAFenceThatIsNotKnown) {
    submit_with_fence(1);
    drm_amdgpu_fence_to_handle arg{};
    arg.in.fence.ctx_id = context;
    arg.in.fence.ip_type = AMDGPU_HW_IP_GFX;
    arg.in.fence.seq_no = 1;
    arg.in.what = AMDGPU_FENCE_TO_HANDLE_GET_SYNCOBJ;
    ASSERT_EQ(call(DRM_IOCTL_AMDGPU_FENCE_TO_HANDLE, arg), 0);
    syncobj = arg.out.handle;
    submit_with_fence({create_context(), 2, AMDGPU_HW_IP_GFX, kOffset + 8});
    host.write_buffer(buffer, kOffset + 8, 1);
    EXPECT_FALSE(has_ended(2));
}

TEST_F(UserFencesTest, AreForgottenWithTheirBuffer) {
    submit_with_fence(1);
    end(1);
    drm_gem_close close{buffer, 0};
    EXPECT_EQ(call(DRM_IOCTL_GEM_CLOSE, close), 0);
    EXPECT_FALSE(has_ended(1));
}

TEST_F(UserFencesTest, AreNotReadWhereOthersCanWrite) {
    submit_with_fence(1);
    drm_prime_handle leaves{buffer, 0, 0};
    EXPECT_GE(call(DRM_IOCTL_PRIME_HANDLE_TO_FD, leaves), 0);
    end(1);
    EXPECT_FALSE(has_ended(1));
    host.mapped.clear();
    submit_with_fence(2);
    EXPECT_EQ(host.mapped, std::vector<uint32_t>{});
}

TEST_F(UserFencesTest, AreNotReadInALargeBuffer) {
    buffer = create_fence_buffer(1 << 20);
    host.mapped.clear();
    submit_with_fence(1);
    EXPECT_EQ(host.mapped, std::vector<uint32_t>{});
    EXPECT_FALSE(has_ended(1));
}

TEST(CounterMemory, IsReadInWholeNumbersAndNotBeyondItsEnd) {
    constexpr size_t kPage = 4096;
    void* const pages =
        ::mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(pages, MAP_FAILED);
    std::memset(pages, 0x11, 2 * kPage);
    const Mapping second(static_cast<std::byte*>(pages) + kPage, kPage);
    CounterMemory memory(Mapping(pages, kPage));
    constexpr uint64_t kNumber = 0x1111'1111'1111'1111;
    for (const uint64_t offset : {uint64_t{0}, kPage - 8}) EXPECT_EQ(memory.read(offset), kNumber);
    for (const uint64_t offset :
         {uint64_t{4}, kPage - 4, uint64_t{kPage}, uint64_t{UINT32_MAX}, ~uint64_t{0}})
        EXPECT_FALSE(memory.read(offset)) << offset;
    memory.close();
    EXPECT_FALSE(memory.read(0));
}

/// The program's own word is the only one that the node will have.
class ToldByTheGpu : public UserFencesTest {
  protected:
    ToldByTheGpu() : UserFencesTest(Host::kHasRing) {}
};

TEST_F(ToldByTheGpu, TheNodeIsGivenWhatTheProgramKnows) {
    submit_with_fence(1);
    end(1);
    EXPECT_TRUE(has_ended(1));
    const uint32_t ended = std::exchange(syncobj, create_syncobj());
    submit_with_fence(1);  // goes on and on
    host.take_from_guest_ring();
    host.sent.clear();
    host.passed.clear();
    drm_syncobj_transfer transfer{};
    transfer.src_handle = ended;
    transfer.src_point = 1;
    transfer.dst_handle = create_syncobj();
    EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_TRANSFER, transfer), 0);
    for (const test::Sent& sent : host.sent)
        for (const auto& out : sent.out) EXPECT_NE(out.handle, ended) << "the end of all so far";
    EXPECT_EQ(std::ranges::count(host.passed, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL), 1);
}

// A bus answers that for memory which is gone.
TEST_F(UserFencesTest, OfAllOnesAreNone) {
    submit_with_fence(1);
    end(std::numeric_limits<uint64_t>::max());
    EXPECT_FALSE(has_ended(1));
}

}  // namespace
}  // namespace viaduct::guest::amdgpu
