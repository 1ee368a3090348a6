// Sharing of buffers between open files, and what the server makes of several guests' programs.
#include <drm.h>
#include <sys/wait.h>

#include <algorithm>
#include <iterator>
#include <thread>

#include "simgpu/sync/reservation.h"

#include "tests/unit/loopback/fixture.h"

namespace viaduct::loopback {
namespace {

using namespace wire::virtgpu;

class PrimeTest : public LoopbackTest {
  protected:
    static UniqueFd export_handle(GuestProgram& guest, uint32_t handle) {
        drm_prime_handle prime{handle, DRM_CLOEXEC | DRM_RDWR, -1};
        EXPECT_EQ(guest.raw(DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), 0);
        return UniqueFd(prime.fd);
    }
    static int import_fd(GuestProgram& guest, const UniqueFd& fd, uint32_t& handle) {
        drm_prime_handle prime{0, 0, fd.get()};
        const int status = guest.raw(DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);
        handle = prime.handle;
        return status;
    }
    static void close_handle(GuestProgram& guest, uint32_t handle) {
        drm_gem_close close{handle, 0};
        EXPECT_EQ(guest.raw(DRM_IOCTL_GEM_CLOSE, &close), 0);
    }
    /// The host retires no fence of `ring` any more.
    static void hold_ring(GuestProgram& guest, uint32_t ring) { set_hold(guest, {ring, 1}); }
    static void release_ring(GuestProgram& guest, uint32_t ring) { set_hold(guest, {ring, 0}); }
    static void submit_with(GuestProgram& guest, uint32_t ring, uint32_t buffer) {
        Execbuffer request{};
        request.flags = kExecbufRingIdx;
        request.ring_idx = ring;
        request.num_bo_handles = 1;
        request.bo_handles = reinterpret_cast<uint64_t>(&buffer);
        ASSERT_EQ(guest.call(Ioctl::kExecbuffer, request), 0);
    }
    static CommandBuffer object(uint64_t id) {
        CommandBuffer commands;
        commands.add(fake::Command::kCreateObject, fake::CreateObject{id, 0, 0});
        return commands;
    }

  private:
    static void set_hold(GuestProgram& guest, fake::Hold hold) {
        CommandBuffer commands;
        commands.add(fake::Command::kHold, hold);
        ASSERT_TRUE(guest.wait(guest.submit(0, commands)));
    }
};

TEST_F(PrimeTest, AnImportedBufferIsTheSameResource) {
    auto one = program();
    auto two = program();
    ASSERT_EQ(one.init_context(), 0);
    ASSERT_EQ(two.init_context(), 0);
    const auto blob = one.create_blob(3, 4096, object(3));
    const UniqueFd fd = export_handle(one, blob.bo_handle);
    uint32_t handle = 0;
    ASSERT_EQ(import_fd(two, fd, handle), 0);
    ResourceInfo info{handle, 0, 0, 0};
    ASSERT_EQ(two.call(Ioctl::kResourceInfo, info), 0);
    EXPECT_EQ(info.res_handle, blob.res_handle);
    EXPECT_EQ(info.size, 4096u);
    auto first = one.map(blob.bo_handle, 4096);
    auto second = two.map(handle, 4096);
    ASSERT_TRUE(first && second);
    first->data()[100] = std::byte{42};
    EXPECT_EQ(second->data()[100], std::byte{42});
    // The second context may name it too.
    CommandBuffer fill;
    fill.add(fake::Command::kFill, fake::Fill{info.res_handle, 9, 0, 1});
    ASSERT_TRUE(two.wait(two.submit(1, fill)));
    EXPECT_EQ(first->data()[0], std::byte{9});
}

TEST_F(PrimeTest, ImportingTwiceGivesOneHandle) {
    auto guest = program();
    ASSERT_EQ(guest.init_context(), 0);
    const auto blob = guest.create_blob(3, 4096, object(3));
    const UniqueFd fd = export_handle(guest, blob.bo_handle);
    uint32_t handle = 0;
    ASSERT_EQ(import_fd(guest, fd, handle), 0);
    EXPECT_EQ(handle, blob.bo_handle);
}

TEST_F(PrimeTest, GuestMemoryIsSharedToo) {
    auto one = program();
    auto two = program();
    ASSERT_EQ(one.init_context(), 0);
    ResourceCreateBlob blob{};
    blob.blob_mem = BlobMem::kGuest;
    blob.size = 4096;
    ASSERT_EQ(one.call(Ioctl::kResourceCreateBlob, blob), 0);
    const UniqueFd fd = export_handle(one, blob.bo_handle);
    uint32_t handle = 0;
    ASSERT_EQ(import_fd(two, fd, handle), 0);
    auto first = one.map(blob.bo_handle, 4096);
    auto second = two.map(handle, 4096);
    ASSERT_TRUE(first && second);
    first->data()[7] = std::byte{1};
    EXPECT_EQ(second->data()[7], std::byte{1});
}

TEST_F(PrimeTest, ForeignDescriptorsAreRefused) {
    auto guest = program();
    ASSERT_EQ(guest.init_context(), 0);
    const UniqueFd foreign(::eventfd(0, EFD_CLOEXEC));
    uint32_t handle = 0;
    EXPECT_EQ(import_fd(guest, foreign, handle), -ENODEV);
    EXPECT_EQ(import_fd(guest, UniqueFd{}, handle), -EBADF);
    drm_prime_handle prime{99, 0, -1};
    EXPECT_EQ(guest.raw(DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), -ENOENT);
    prime = {guest.create_blob(0, 4096).bo_handle, 0x10, -1};
    EXPECT_EQ(guest.raw(DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), -EINVAL);
}

// The fences on a dma-buf, as DMA_BUF_IOCTL_EXPORT_SYNC_FILE gives them out.
size_t fences_on(const UniqueFd& dmabuf) {
    const auto memory = simgpu::drm::memory_of(dmabuf.get());
    return memory ? simgpu::drm::Reservation::of_memory(*memory)->pending().size() : 0;
}

// The same as a process sees that plays the host's kernel.
size_t fences_seen_by_the_host(const UniqueFd& dmabuf) {
    using simgpu::shared::FenceBoard;
    const pid_t child = ::fork();
    if (child == 0) {
        FenceBoard::act_for(FenceBoard::Kernel::kHost);
        const auto memory = simgpu::drm::memory_of(dmabuf.get());
        const auto board = FenceBoard::instance();
        ::_exit(memory && board ? static_cast<int>(board->others(*memory).size()) : 99);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 99;
    return static_cast<size_t>(WEXITSTATUS(status));
}

TEST_F(PrimeTest, ASubmissionIsOnTheDmaBufsOfItsBuffers) {
    auto one = program();
    ASSERT_EQ(one.init_context(), 0);
    const auto blob = one.create_blob(3, 4096, object(3));
    const UniqueFd dmabuf = export_handle(one, blob.bo_handle);
    hold_ring(one, 1);
    submit_with(one, 1, blob.bo_handle);
    EXPECT_EQ(fences_on(dmabuf), 1u);
    EXPECT_EQ(fences_seen_by_the_host(dmabuf), 0u) << "it could wait for what waits for it";
    release_ring(one, 1);
}

TEST_F(PrimeTest, WaitSeesTheFencesOfOtherFiles) {
    auto one = program();
    auto two = program();
    ASSERT_EQ(one.init_context(), 0);
    ASSERT_EQ(two.init_context(), 0);
    const auto blob = one.create_blob(3, 4096, object(3));
    uint32_t handle = 0;
    ASSERT_EQ(import_fd(two, export_handle(one, blob.bo_handle), handle), 0);
    hold_ring(one, 1);
    submit_with(one, 1, blob.bo_handle);
    one.sync();
    Wait wait{handle, kWaitNoWait};
    EXPECT_EQ(two.call(Ioctl::kWait, wait), -EBUSY);
    release_ring(one, 1);
    wait.flags = 0;
    EXPECT_EQ(two.call(Ioctl::kWait, wait), 0);
}

TEST_F(PrimeTest, ContextIdsAreReusedAndResourceIdsAreNot) {
    {
        auto guest = program();
        ASSERT_EQ(guest.init_context(), 0);
        EXPECT_EQ(guest.create_blob(0, 4096).res_handle, 2u);
        guest.sync();
    }
    for (int i = 0; i < 200; ++i) {
        const auto calls = journal();
        if (!calls.empty() && calls.back() == "destroy_context 1") break;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    auto guest = program();
    ASSERT_EQ(guest.init_context(), 0);
    EXPECT_EQ(guest.create_blob(0, 4096).res_handle, 3u);
    guest.sync();
    const auto calls = journal();
    ASSERT_FALSE(calls.empty());
    EXPECT_TRUE(calls.front().starts_with("create_context 1 6 ")) << calls.front();
}

TEST_F(PrimeTest, ADmabufKeepsItsResourceWithoutAnyHandle) {
    UniqueFd fd;
    {
        auto one = program();
        ASSERT_EQ(one.init_context(), 0);
        const auto blob = one.create_blob(3, 4096, object(3));
        fd = export_handle(one, blob.bo_handle);
    }
    auto two = program();
    ASSERT_EQ(two.init_context(), 0);
    uint32_t handle = 0;
    ASSERT_EQ(import_fd(two, fd, handle), 0);
    ASSERT_TRUE(two.map(handle, 4096));
    close_handle(two, handle);
    two.sync();
    EXPECT_EQ(std::ranges::count(journal(), "unref 2"), 0);
    fd.reset();
    int unrefs = 0;
    for (int i = 0; i < 200 && unrefs == 0; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        unrefs += static_cast<int>(std::ranges::count(journal(), "unref 2"));
    }
    EXPECT_EQ(unrefs, 1);
}

TEST_F(PrimeTest, ClosingOneFileLeavesTheOtherItsBuffer) {
    auto one = std::make_unique<GuestProgram>(socket_path_);
    auto two = program();
    ASSERT_EQ(one->init_context(), 0);
    ASSERT_EQ(two.init_context(), 0);
    const auto blob = one->create_blob(3, 4096, object(3));
    uint32_t handle = 0;
    ASSERT_EQ(import_fd(two, export_handle(*one, blob.bo_handle), handle), 0);
    one.reset();
    auto mapping = two.map(handle, 4096);
    ASSERT_TRUE(mapping);
    close_handle(two, handle);
    two.sync();
    // The monitor may hear of the other file's end later.
    auto calls = journal();
    for (int i = 0; i < 200 && !std::ranges::count(calls, "unref 2"); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        std::ranges::copy(journal(), std::back_inserter(calls));
    }
    EXPECT_EQ(std::ranges::count(calls, "unref 2"), 1);
    EXPECT_GT(std::ranges::find(calls, "unref 2"), std::ranges::find(calls, "detach 2 2"));
}

// It would wait for ever if nobody looked after a file has gone.
TEST_F(PrimeTest, WhoWaitsForABufferIsAnsweredWhenItsUserGoes) {
    auto two = program();
    ASSERT_EQ(two.init_context(), 0);
    for (uint32_t i = 0; i < 20; ++i) {
        auto one = std::make_unique<GuestProgram>(socket_path_);
        ASSERT_EQ(one->init_context(), 0);
        const auto blob = one->create_blob(3 + i, 4096, object(3 + i));
        uint32_t handle = 0;
        ASSERT_EQ(import_fd(two, export_handle(*one, blob.bo_handle), handle), 0);
        hold_ring(*one, 1);
        submit_with(*one, 1, blob.bo_handle);
        std::thread waits([&] {
            Wait wait{handle, 0};
            EXPECT_EQ(two.call(Ioctl::kWait, wait), 0);
        });
        one.reset();
        waits.join();
        close_handle(two, handle);
    }
}

}  // namespace
}  // namespace viaduct::loopback
