// The ioctls of dma-bufs, which are memfds here, and the work that they order.
#include "simgpu/node/dma_buf.h"

#include <gtest/gtest.h>
#include <linux/dma-buf.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "blob/memfd.h"
#include "simgpu/sync/reservation.h"

namespace simgpu::node {
namespace {

using drm::Access;
using drm::Fence;
using drm::FencePtr;
using drm::Reservation;
using namespace std::chrono_literals;

class DmaBuf : public ::testing::Test {
  protected:
    template <typename T>
    int call(unsigned long request, T args) {
        return shared_memory_ioctl(fd.get(), request, &args);
    }
    FencePtr exported(uint32_t flags) {
        dma_buf_export_sync_file args{.flags = flags, .fd = -1};
        EXPECT_EQ(shared_memory_ioctl(fd.get(), DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &args), 0);
        const viaduct::UniqueFd file(args.fd);
        return Fence::from_sync_file(file.get());
    }
    int import(uint32_t flags, const FencePtr& fence) {
        const viaduct::UniqueFd file = fence->export_sync_file();
        return call(DMA_BUF_IOCTL_IMPORT_SYNC_FILE,
                    dma_buf_import_sync_file{.flags = flags, .fd = file.get()});
    }
    std::shared_ptr<Reservation> reservation() {
        return Reservation::of_memory(*drm::memory_of(fd.get()));
    }

    viaduct::UniqueFd fd = viaduct::create_sealed_memfd("dma-buf", 4096).value();
};

TEST_F(DmaBuf, ReadersWaitForWritersAndWritersForAll) {
    EXPECT_TRUE(exported(DMA_BUF_SYNC_WRITE)->is_signalled()) << "nothing pending";
    const FencePtr write = Fence::create(), read = Fence::create();
    reservation()->add(1, 1, read, Access::kRead);
    EXPECT_TRUE(exported(DMA_BUF_SYNC_READ)->is_signalled());
    EXPECT_FALSE(exported(DMA_BUF_SYNC_WRITE)->is_signalled());
    reservation()->add(1, 2, write);
    const FencePtr for_reader = exported(DMA_BUF_SYNC_READ);
    const FencePtr for_writer = exported(DMA_BUF_SYNC_RW);
    write->signal();
    EXPECT_TRUE(for_reader->wait_until(std::chrono::steady_clock::now() + 10s));
    EXPECT_FALSE(for_writer->is_signalled());
    read->signal();
    EXPECT_TRUE(for_writer->wait_until(std::chrono::steady_clock::now() + 10s));
}

TEST_F(DmaBuf, ImportedSyncFilesOrderLaterWork) {
    const FencePtr fence = Fence::create();
    ASSERT_EQ(import(DMA_BUF_SYNC_READ, fence), 0);
    EXPECT_TRUE(reservation()->pending_writes().empty());
    EXPECT_EQ(reservation()->pending_of_others(7).size(), 1u);
    ASSERT_EQ(import(DMA_BUF_SYNC_WRITE, fence), 0);
    EXPECT_FALSE(reservation()->pending_writes().empty());
    fence->signal();
    EXPECT_TRUE(reservation()->pending().empty());
}

TEST_F(DmaBuf, RefusesWhatTheKernelRefuses) {
    EXPECT_EQ(import(0, Fence::create()), -EINVAL);
    EXPECT_EQ(import(1u << 5, Fence::create()), -EINVAL);
    EXPECT_EQ(call(DMA_BUF_IOCTL_IMPORT_SYNC_FILE,
                   dma_buf_import_sync_file{.flags = DMA_BUF_SYNC_READ, .fd = fd.get()}),
              -EINVAL)
        << "not a sync file";
    EXPECT_EQ(call(DMA_BUF_IOCTL_EXPORT_SYNC_FILE, dma_buf_export_sync_file{}), -EINVAL);
    EXPECT_EQ(call(DMA_BUF_IOCTL_SYNC, dma_buf_sync{.flags = DMA_BUF_SYNC_START}), -EINVAL)
        << "neither READ nor WRITE";
    EXPECT_EQ(call(DMA_BUF_IOCTL_SYNC, dma_buf_sync{.flags = 1u << 10}), -EINVAL);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    dma_buf_sync args{.flags = DMA_BUF_SYNC_RW};
    EXPECT_EQ(shared_memory_ioctl(ends[0], DMA_BUF_IOCTL_SYNC, &args), -ENOTTY);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_F(DmaBuf, CpuAccessWaits) {
    const FencePtr write = Fence::create();
    reservation()->add(1, 1, write);
    std::atomic<bool> through = false;
    std::thread reader([&] {
        EXPECT_EQ(
            call(DMA_BUF_IOCTL_SYNC, dma_buf_sync{.flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ}),
            0);
        through = true;
    });
    std::this_thread::sleep_for(50ms);
    EXPECT_FALSE(through);
    EXPECT_EQ(call(DMA_BUF_IOCTL_SYNC, dma_buf_sync{.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ}),
              0)
        << "the end of an access does not wait";
    write->signal();
    reader.join();
}

/// A child with the descriptor and its own work on the buffer, which ends when it is told to.
class Neighbour {
  public:
    explicit Neighbour(int fd) {
        int up[2], down[2];
        if (::pipe(up) != 0 || ::pipe(down) != 0) ::abort();
        pid_ = ::fork();
        if (pid_ == 0) {
            const FencePtr work = Fence::create();
            Reservation::of_memory(*drm::memory_of(fd))->add(1, 1, work);
            (void)!::write(up[1], "r", 1);
            char go = 0;
            (void)!::read(down[0], &go, 1);
            work->signal();
            for (;;) ::pause();
        }
        char ready = 0;
        EXPECT_EQ(::read(up[0], &ready, 1), 1);
        finish_ = down[1];
        for (const int end : {up[0], up[1], down[0]}) ::close(end);
    }
    ~Neighbour() {
        kill();
        ::close(finish_);
    }
    void finish() { EXPECT_EQ(::write(finish_, "f", 1), 1); }
    void kill() {
        if (pid_ < 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

  private:
    pid_t pid_ = -1;
    int finish_ = -1;
};

TEST_F(DmaBuf, WorkOfAnotherProcessIsWaitedFor) {
    Neighbour neighbour(fd.get());
    const FencePtr fence = exported(DMA_BUF_SYNC_READ);
    EXPECT_EQ(reservation()->pending_of_others(1).size(), 1u)
        << "its numbers for owners are not ours";
    EXPECT_FALSE(fence->wait_until(std::chrono::steady_clock::now() + 50ms));
    neighbour.finish();
    EXPECT_TRUE(fence->wait_until(std::chrono::steady_clock::now() + 10s));
    EXPECT_TRUE(reservation()->pending().empty());
}

TEST_F(DmaBuf, WorkOfADeadProcessIsNot) {
    Neighbour neighbour(fd.get());
    const FencePtr fence = exported(DMA_BUF_SYNC_READ);
    EXPECT_FALSE(fence->is_signalled());
    neighbour.kill();
    EXPECT_TRUE(fence->wait_until(std::chrono::steady_clock::now() + 10s));
}

TEST_F(DmaBuf, ManyJobsOfOneTimelineTakeOnePlace) {
    const auto other = reservation();
    std::vector<FencePtr> jobs;
    for (int i = 0; i < 100; ++i) {
        jobs.push_back(Fence::create());
        other->add(1, 1, jobs.back());
    }
    for (const FencePtr& job : jobs) job->signal();
    EXPECT_TRUE(other->pending().empty());
}

}  // namespace
}  // namespace simgpu::node
