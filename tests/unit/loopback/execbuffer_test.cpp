// Fences of EXECBUFFER: sync files, syncobjs, buffers, rings.
#include <drm.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/unit/loopback/fixture.h"

namespace viaduct::loopback {
namespace {

using namespace wire::virtgpu;

constexpr uint64_t kBlobSize = 4096;
constexpr int kShortWhile = 30;  // milliseconds, for what must not happen

class ExecbufferTest : public LoopbackTest {
  protected:
    void SetUp() override {
        LoopbackTest::SetUp();
        guest_ = std::make_unique<GuestProgram>(socket_path_);
        ASSERT_EQ(guest_->init_context(4), 0);
    }
    void TearDown() override {
        guest_.reset();
        LoopbackTest::TearDown();
    }

    /// Keeps the host from retiring fences of `ring`, or lets it go on.
    void hold(uint32_t ring, bool is_held) {
        CommandBuffer commands;
        commands.add(fake::Command::kHold, fake::Hold{ring, is_held ? 1u : 0u});
        EXPECT_TRUE(GuestProgram::wait(guest_->submit(0, commands)));
    }
    uint32_t create_syncobj() {
        drm_syncobj_create create{};
        EXPECT_EQ(guest_->raw(DRM_IOCTL_SYNCOBJ_CREATE, &create), 0);
        return create.handle;
    }
    int wait_syncobj(uint32_t handle, int timeout_ms) {
        drm_syncobj_wait wait{};
        wait.handles = reinterpret_cast<uint64_t>(&handle);
        wait.count_handles = 1;
        wait.timeout_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                std::chrono::steady_clock::now().time_since_epoch())
                                .count() +
                            timeout_ms * 1'000'000ll;
        return guest_->raw(DRM_IOCTL_SYNCOBJ_WAIT, &wait);
    }
    static Execbuffer request_on(uint32_t ring) {
        Execbuffer request{};
        request.flags = kExecbufRingIdx;
        request.ring_idx = ring;
        return request;
    }
    int execute(Execbuffer& request) { return guest_->call(Ioctl::kExecbuffer, request); }

    std::unique_ptr<GuestProgram> guest_;
};

TEST_F(ExecbufferTest, FencesSignalWhenTheHostRetiresThem) {
    hold(1, true);
    const UniqueFd fence = guest_->submit(1, {});
    EXPECT_FALSE(GuestProgram::wait(fence, kShortWhile));
    hold(1, false);
    EXPECT_TRUE(GuestProgram::wait(fence));
}

TEST_F(ExecbufferTest, RingsAreIndependent) {
    hold(1, true);
    const UniqueFd held = guest_->submit(1, {});
    const UniqueFd free = guest_->submit(2, {});
    EXPECT_TRUE(GuestProgram::wait(free));
    EXPECT_FALSE(GuestProgram::wait(held, kShortWhile));
    hold(1, false);
}

TEST_F(ExecbufferTest, InFenceOfAnotherRingIsWaitedForBeforeSending) {
    hold(1, true);
    UniqueFd first = guest_->submit(1, {});
    std::atomic<bool> sent = false;
    std::thread waiter([&] {
        Execbuffer request = request_on(2);
        request.flags |= kExecbufFenceFdIn | kExecbufFenceFdOut;
        request.fence_fd = first.get();
        EXPECT_EQ(execute(request), 0);
        sent = true;
        const UniqueFd out(request.fence_fd);
        EXPECT_TRUE(GuestProgram::wait(out));
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(kShortWhile));
    EXPECT_FALSE(sent);
    hold(1, false);
    waiter.join();
}

TEST_F(ExecbufferTest, SyncobjOfTheSameRingIsNotWaitedFor) {
    hold(1, true);
    ExecbufferSyncobj entry{create_syncobj(), 0, 0};
    Execbuffer first = request_on(1);
    first.syncobj_stride = sizeof(entry);
    first.num_out_syncobjs = 1;
    first.out_syncobjs = reinterpret_cast<uint64_t>(&entry);
    ASSERT_EQ(execute(first), 0);
    Execbuffer second = request_on(1);
    second.syncobj_stride = sizeof(entry);
    second.num_in_syncobjs = 1;
    second.in_syncobjs = reinterpret_cast<uint64_t>(&entry);
    ASSERT_EQ(execute(second), 0);  // would hang otherwise
    EXPECT_EQ(wait_syncobj(entry.handle, kShortWhile), -ETIME);
    hold(1, false);
    EXPECT_EQ(wait_syncobj(entry.handle, 10'000), 0);
}

TEST_F(ExecbufferTest, InSyncobjWithResetIsEmptyAfterwards) {
    ExecbufferSyncobj entry{create_syncobj(), 0, 0};
    Execbuffer first = request_on(1);
    first.syncobj_stride = sizeof(entry);
    first.num_out_syncobjs = 1;
    first.out_syncobjs = reinterpret_cast<uint64_t>(&entry);
    ASSERT_EQ(execute(first), 0);
    entry.flags = kSyncobjReset;
    Execbuffer second = request_on(1);
    second.syncobj_stride = sizeof(entry);
    second.num_in_syncobjs = 1;
    second.in_syncobjs = reinterpret_cast<uint64_t>(&entry);
    ASSERT_EQ(execute(second), 0);
    EXPECT_EQ(execute(second), -EINVAL);  // no fence in it any more
}

TEST_F(ExecbufferTest, TimelinePointsAreAttached) {
    const uint32_t handle = create_syncobj();
    // Entries of a longer, future struct: the stride says so.
    struct LongEntry {
        ExecbufferSyncobj entry;
        uint64_t future;
    } entries[2] = {{{handle, 0, 5}, ~0ull}, {{create_syncobj(), 0, 0}, ~0ull}};
    Execbuffer request = request_on(1);
    request.syncobj_stride = sizeof(LongEntry);
    request.num_out_syncobjs = 2;
    request.out_syncobjs = reinterpret_cast<uint64_t>(entries);
    ASSERT_EQ(execute(request), 0);
    EXPECT_EQ(wait_syncobj(entries[1].entry.handle, 10'000), 0);
    uint64_t value = 0;
    uint32_t queried = handle;
    drm_syncobj_timeline_array query{reinterpret_cast<uint64_t>(&queried),
                                     reinterpret_cast<uint64_t>(&value), 1, 0};
    EXPECT_EQ(guest_->raw(DRM_IOCTL_SYNCOBJ_QUERY, &query), 0);
    EXPECT_EQ(value, 5u);
}

TEST_F(ExecbufferTest, BuffersCarryTheFence) {
    const auto blob = guest_->create_blob(0, 4096);
    Wait wait{blob.bo_handle, kWaitNoWait};
    EXPECT_EQ(guest_->call(Ioctl::kWait, wait), 0);
    hold(1, true);
    uint32_t handle = blob.bo_handle;
    Execbuffer request = request_on(1);
    request.num_bo_handles = 1;
    request.bo_handles = reinterpret_cast<uint64_t>(&handle);
    ASSERT_EQ(execute(request), 0);
    EXPECT_EQ(guest_->call(Ioctl::kWait, wait), -EBUSY);
    hold(1, false);
    wait.flags = 0;
    EXPECT_EQ(guest_->call(Ioctl::kWait, wait), 0);
    wait.handle = 99;
    EXPECT_EQ(guest_->call(Ioctl::kWait, wait), -ENOENT);
}

TEST_F(ExecbufferTest, BadRequestsAreRefused) {
    uint32_t no_handle = 99;
    const uint32_t handle = guest_->create_blob(0, 4096).bo_handle;
    const uint32_t twice[] = {handle, handle};
    ExecbufferSyncobj no_syncobj{99, 0, 0};
    ExecbufferSyncobj bad_flags{create_syncobj(), 2, 0};
    const auto pointer = [](const void* object) { return reinterpret_cast<uint64_t>(object); };
    const struct {
        int status;
        std::function<void(Execbuffer&)> change;
    } rows[] = {
        {-EINVAL, [](auto& r) { r.flags = 8; }},
        {-EINVAL, [](auto& r) { r.ring_idx = 4; }},
        {-EFAULT, [](auto& r) { r.size = 16; }},
        {-EFAULT, [](auto& r) { r.num_bo_handles = 1; }},
        {-ENOENT, [&](auto& r) { r.num_bo_handles = 1, r.bo_handles = pointer(&no_handle); }},
        {-EALREADY, [&](auto& r) { r.num_bo_handles = 2, r.bo_handles = pointer(twice); }},
        {-ENOENT,
         [&](auto& r) {
             r.num_in_syncobjs = 1, r.in_syncobjs = pointer(&no_syncobj), r.syncobj_stride = 16;
         }},
        {-ENOENT,
         [&](auto& r) {
             r.num_out_syncobjs = 1, r.out_syncobjs = pointer(&no_syncobj), r.syncobj_stride = 16;
         }},
        {-EINVAL,
         [&](auto& r) {
             r.num_out_syncobjs = 1, r.out_syncobjs = pointer(&bad_flags), r.syncobj_stride = 16;
         }},
        {-EINVAL, [](auto& r) { r.flags |= kExecbufFenceFdIn, r.fence_fd = 0; }},
    };
    for (const auto& row : rows) {
        Execbuffer request = request_on(1);
        row.change(request);
        EXPECT_EQ(execute(request), row.status);
        if (request.flags & kExecbufFenceFdIn) {
            EXPECT_EQ(request.fence_fd, -1);
        }
    }
    guest_->sync();
}

TEST_F(ExecbufferTest, AThousandSubmissionsFromFourThreads) {
    std::vector<std::thread> threads;
    for (uint32_t ring = 0; ring < 4; ++ring)
        threads.emplace_back([&, ring] {
            UniqueFd last;
            for (int i = 0; i < 250; ++i) last = guest_->submit(ring, {});
            EXPECT_TRUE(GuestProgram::wait(last));
        });
    for (auto& thread : threads) thread.join();
}

// Small ones take a slot of the queue, larger ones the socket, the largest a file of their own.
TEST_F(ExecbufferTest, SubmissionsOfAllSizesArriveInOrder) {
    CommandBuffer creation;
    creation.add(fake::Command::kCreateObject, fake::CreateObject{9, 0, 0});
    const auto blob = guest_->create_blob(9, kBlobSize, creation);
    const auto memory = guest_->map(blob.bo_handle, kBlobSize);
    ASSERT_TRUE(memory) << memory.error().message;
    const auto fill_with = [&](uint32_t value, int times) {
        CommandBuffer commands;
        for (int i = 0; i < times; ++i)
            commands.add(fake::Command::kFill, fake::Fill{blob.res_handle, value, 0, 1});
        return commands;
    };
    constexpr int kSizes[] = {1, 60, 1000};
    for (const int first : kSizes) {
        for (const int second : kSizes) {
            guest_->submit(1, fill_with(1, first));
            ASSERT_TRUE(GuestProgram::wait(guest_->submit(1, fill_with(2, second))));
            EXPECT_EQ(memory->data()[0], std::byte{2}) << first << " and then " << second;
        }
    }
}

// There is one virtqueue, whichever file a request is of.
TEST_F(ExecbufferTest, RequestsOfSeveralFilesArriveInTheirOrder) {
    auto second = program();
    ASSERT_EQ(second.init_context(4), 0);
    second.sync();
    guest_->sync();
    journal();
    constexpr int kPairs = 300;
    CommandBuffer command;
    command.add(fake::Command::kHold, fake::Hold{3, 0});
    for (int i = 0; i < kPairs; ++i) {
        second.submit(1, command);
        guest_->submit(1, command);
    }
    guest_->sync();
    std::string order;
    for (const std::string& call : journal()) {
        if (call.starts_with("submit 1 ")) order += '1';
        if (call.starts_with("submit 2 ")) order += '2';
    }
    std::string expected;
    for (int i = 0; i < kPairs; ++i) expected += "21";
    EXPECT_EQ(order.substr(0, expected.size()), expected);
}

TEST_F(ExecbufferTest, MoreRequestsThanTheQueueHoldsWaitForRoom) {
    CommandBuffer slow;
    for (int i = 0; i < 2000; ++i)
        slow.add(fake::Command::kHold, fake::Hold{2, static_cast<uint32_t>(i % 2)});
    UniqueFd last;
    for (int i = 0; i < 1000; ++i) last = guest_->submit(1, i % 100 == 0 ? slow : CommandBuffer{});
    EXPECT_TRUE(GuestProgram::wait(last));
}

TEST_F(ExecbufferTest, FencesSignalWhenTheServerGoes) {
    hold(1, true);
    const UniqueFd fence = guest_->submit(1, {});
    stop();
    EXPECT_TRUE(GuestProgram::wait(fence));
    Execbuffer request = request_on(1);
    EXPECT_EQ(execute(request), -EIO);
}

}  // namespace
}  // namespace viaduct::loopback
