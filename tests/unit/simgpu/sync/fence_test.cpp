#include "simgpu/sync/fence.h"
#include "simgpu/clock.h"
#include "simgpu/gpu_thread.h"
#include "tests/unit/simgpu/sync/readable.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

namespace simgpu::drm {
namespace {

using namespace std::chrono_literals;

std::chrono::steady_clock::time_point soon() {
    return std::chrono::steady_clock::now() + 20s;
}

TEST(Fence, SignalsOnceAndKeepsTheFirstStatus) {
    const FencePtr fence = Fence::create();
    EXPECT_FALSE(fence->is_signalled());
    EXPECT_FALSE(fence->wait_until(std::chrono::steady_clock::now()));
    fence->signal(-ECANCELED);
    fence->signal(0);
    EXPECT_TRUE(fence->is_signalled());
    EXPECT_EQ(fence->status(), -ECANCELED);
    EXPECT_TRUE(fence->wait_until(std::chrono::steady_clock::now()));
}

TEST(Fence, RunsCallbacksOnceUnlessRemoved) {
    const FencePtr fence = Fence::create();
    int runs = 0, removed_runs = 0;
    EXPECT_NE(fence->on_signal([&](int) { ++runs; }), 0u);
    const uint64_t token = fence->on_signal([&](int) { ++removed_runs; });
    fence->remove_callback(token);
    fence->signal();
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(removed_runs, 0);
    EXPECT_EQ(fence->on_signal([&](int) { ++runs; }), 0u) << "at once";
    EXPECT_EQ(runs, 2);
}

TEST(Fence, DroppedUnsignalledCountsAsKilled) {
    int status = 1;
    Fence::create()->on_signal([&](int value) { status = value; });
    EXPECT_EQ(status, -ESRCH);
}

TEST(Fence, AllOfWaitsForEveryOneAndReportsTheFirstError) {
    const FencePtr a = Fence::create(), b = Fence::create();
    const FencePtr all = Fence::all_of({a, b, Fence::signalled()});
    b->signal(-EIO);
    EXPECT_FALSE(all->is_signalled());
    a->signal(0);
    EXPECT_TRUE(all->is_signalled());
    EXPECT_EQ(all->status(), -EIO);
    EXPECT_TRUE(Fence::all_of({})->is_signalled());
}

TEST(SyncFile, BecomesReadableWhenTheFenceSignals) {
    const FencePtr fence = Fence::create();
    const viaduct::UniqueFd fd = fence->export_sync_file();
    const viaduct::UniqueFd copy = fd.duplicate();
    EXPECT_TRUE(is_sync_file(fd.get()));
    EXPECT_FALSE(readable(fd.get()));
    fence->signal();
    EXPECT_TRUE(readable(fd.get()));
    EXPECT_TRUE(readable(copy.get()));
    pollfd entry{fd.get(), POLLIN, 0};
    ::poll(&entry, 1, 0);
    EXPECT_TRUE(entry.revents & POLLIN) << "for some, a hang-up is a failure";
    EXPECT_TRUE(readable(Fence::signalled()->export_sync_file().get()));
}

TEST(SyncFile, IsToldFromOtherDescriptors) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    const viaduct::UniqueFd a(ends[0]), b(ends[1]);
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const viaduct::UniqueFd c(ends[0]), d(ends[1]);
    for (const int fd : {a.get(), c.get(), d.get(), 0, -1}) {
        EXPECT_FALSE(is_sync_file(fd));
        EXPECT_EQ(Fence::from_sync_file(fd), nullptr);
        sync_file_info info{};
        EXPECT_EQ(sync_file_ioctl(fd, SYNC_IOC_FILE_INFO, &info), -ENOTTY);
    }
}

TEST(SyncFile, ImportsIntoTheSameFenceWithinTheProcess) {
    const FencePtr fence = Fence::create();
    const viaduct::UniqueFd fd = fence->export_sync_file();
    EXPECT_EQ(Fence::from_sync_file(fd.get()), fence);
}

TEST(SyncFile, OutlivesTheLastReferenceToItsFence) {
    const FencePtr a = Fence::create(), b = Fence::create();
    const viaduct::UniqueFd fd = Fence::all_of({a, b})->export_sync_file();
    EXPECT_FALSE(readable(fd.get()));
    a->signal();
    EXPECT_FALSE(readable(fd.get()));
    b->signal(-ECANCELED);
    ASSERT_TRUE(readable(fd.get()));
    EXPECT_EQ(Fence::from_sync_file(fd.get())->status(), -ECANCELED);
}

TEST(SyncFile, MayBeClosedBeforeItSignals) {
    const FencePtr fence = Fence::create();
    viaduct::UniqueFd fd = fence->export_sync_file();
    const viaduct::UniqueFd other = fence->export_sync_file();
    fd.reset();
    fence->signal();  // raises no SIGPIPE
    EXPECT_TRUE(readable(other.get()));
}

// ThreadSanitizer looks, too.
TEST(SyncFile, ShowsWhatItsSignallerDidBefore) {
    for (int i = 0; i < 100; ++i) {
        const FencePtr fence = Fence::create();
        const viaduct::UniqueFd fd = fence->export_sync_file();
        int written = 0;
        std::thread signaller([&] {
            written = 1;
            fence->signal();
        });
        ASSERT_TRUE(readable(fd.get(), 20000));
        sync_file_info info{};
        EXPECT_EQ(sync_file_ioctl(fd.get(), SYNC_IOC_FILE_INFO, &info), 0);
        EXPECT_EQ(info.status, 1);
        EXPECT_EQ(written, 1);
        signaller.join();
    }
}

// A jail's refusals and a sanitizer's findings are signals, too.
TEST(GpuThread, KeepsOutNoSignalButSigpipe) {
    sigset_t blocked;
    start_gpu_thread([&] { ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked); }).join();
    for (int number = 1; number < 32; ++number)
        EXPECT_EQ(::sigismember(&blocked, number) != 0, number == SIGPIPE) << number;
    EXPECT_FALSE(on_gpu_thread());
}

TEST(SyncFile, FileInfoAndMergeAnswerAsTheKernel) {
    const FencePtr a = Fence::create(), b = Fence::create();
    const viaduct::UniqueFd fd_a = a->export_sync_file(), fd_b = b->export_sync_file();
    sync_merge_data merge{};
    merge.fd2 = fd_b.get();
    ASSERT_EQ(sync_file_ioctl(fd_a.get(), SYNC_IOC_MERGE, &merge), 0);
    const viaduct::UniqueFd merged(merge.fence);

    sync_fence_info fence_info{};
    sync_file_info info{};
    info.num_fences = 1;
    info.sync_fence_info = reinterpret_cast<uintptr_t>(&fence_info);
    ASSERT_EQ(sync_file_ioctl(merged.get(), SYNC_IOC_FILE_INFO, &info), 0);
    EXPECT_EQ(info.status, 0);
    a->signal();
    EXPECT_FALSE(readable(merged.get()));
    const uint64_t before = monotonic_ns();
    b->signal();
    const uint64_t after = monotonic_ns();
    EXPECT_TRUE(readable(merged.get()));
    ASSERT_EQ(sync_file_ioctl(merged.get(), SYNC_IOC_FILE_INFO, &info), 0);
    EXPECT_EQ(info.status, 1);
    EXPECT_EQ(fence_info.status, 1);
    EXPECT_GE(fence_info.timestamp_ns, before);
    EXPECT_LE(fence_info.timestamp_ns, after);

    info.flags = 1;
    EXPECT_EQ(sync_file_ioctl(merged.get(), SYNC_IOC_FILE_INFO, &info), -EINVAL);
    merge = {};
    merge.fd2 = 0;
    EXPECT_EQ(sync_file_ioctl(fd_a.get(), SYNC_IOC_MERGE, &merge), -ENOENT);
}

/// A child process that exports one sync file, passes it up, and then does as told.
class OtherProcess {
  public:
    explicit OtherProcess(int status) {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) ::abort();
        socket_.reset(ends[0]);
        viaduct::UniqueFd theirs(ends[1]);
        pid_ = ::fork();
        if (pid_ == 0) {
            socket_.reset();
            run(theirs.get(), status);
        }
        theirs.reset();
        sync_file_ = receive();
    }
    ~OtherProcess() {
        socket_.reset();
        ::waitpid(pid_, nullptr, 0);
    }
    int sync_file() const { return sync_file_.get(); }
    void let_signal() { (void)!::write(socket_.get(), "s", 1); }
    void let_die() { socket_.reset(); }

  private:
    [[noreturn]] static void run(int socket, int status) {
        const FencePtr fence = Fence::create();
        const viaduct::UniqueFd fd = fence->export_sync_file();
        send(socket, fd.get());
        char command = 0;
        if (::read(socket, &command, 1) == 1) {
            fence->signal(status);
            (void)!::read(socket, &command, 1);
        }
        ::_exit(0);
    }
    static void send(int socket, int fd) {
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        char byte = 0;
        iovec data{&byte, 1};
        msghdr message{};
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof(control);
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
        (void)::sendmsg(socket, &message, 0);
    }
    viaduct::UniqueFd receive() const {
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        char byte = 0;
        iovec data{&byte, 1};
        msghdr message{};
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof(control);
        if (::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC) != 1) return {};
        int fd = -1;
        if (const cmsghdr* header = CMSG_FIRSTHDR(&message))
            std::memcpy(&fd, CMSG_DATA(header), sizeof(fd));
        return viaduct::UniqueFd(fd);
    }

    pid_t pid_ = -1;
    viaduct::UniqueFd socket_;
    viaduct::UniqueFd sync_file_;
};

TEST(SyncFile, CarriesStatusFromAnotherProcess) {
    for (const int status : {0, -ECANCELED}) {
        OtherProcess other(status);
        const FencePtr fence = Fence::from_sync_file(other.sync_file());
        ASSERT_TRUE(fence);
        std::atomic<int> seen = 1;
        fence->on_signal([&](int value) { seen = value; });
        EXPECT_FALSE(fence->is_signalled());
        EXPECT_FALSE(readable(other.sync_file()));
        other.let_signal();
        ASSERT_TRUE(fence->wait_until(soon()));
        EXPECT_EQ(fence->status(), status);
        while (seen == 1) std::this_thread::yield();
        EXPECT_EQ(seen, status);
        EXPECT_EQ(Fence::from_sync_file(other.sync_file())->status(), status) << "once more";
    }
}

TEST(SyncFile, SignalsWhenItsMakerDies) {
    OtherProcess other(0);
    const FencePtr fence = Fence::from_sync_file(other.sync_file());
    ASSERT_TRUE(fence);
    const viaduct::UniqueFd merged = Fence::all_of({fence, Fence::signalled()})->export_sync_file();
    EXPECT_FALSE(readable(merged.get()));
    other.let_die();
    ASSERT_TRUE(fence->wait_until(soon()));
    EXPECT_EQ(fence->status(), -ESRCH);
    EXPECT_TRUE(readable(other.sync_file(), 20000));
    EXPECT_TRUE(readable(merged.get(), 20000));
}

TEST(SyncFile, ImportedFenceThatNobodyWaitsForGoesAway) {
    OtherProcess other(0);
    std::weak_ptr<Fence> gone;
    {
        const FencePtr fence = Fence::from_sync_file(other.sync_file());
        gone = fence;
        fence->remove_callback(fence->on_signal([](int) {}));
    }
    EXPECT_TRUE(gone.expired());
}

}  // namespace
}  // namespace simgpu::drm
