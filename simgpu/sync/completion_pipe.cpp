// The inode of a pipe, which fstat() shows to all, has what is known about it: its mode marks it,
// its time of access says how it was completed. The byte in the pipe only makes it readable, since
// it would be read by one process only.
#include "simgpu/sync/completion_pipe.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "simgpu/clock.h"
#include "simgpu/gpu_thread.h"

namespace simgpu::drm {

namespace {

/// Of no other pipe: they have 0600, and who makes a FIFO hardly makes it sticky.
constexpr mode_t kMode = 01640;
constexpr int kMaxErrno = 4095;  // the kernel's MAX_ERRNO
constexpr int kStatuses = kMaxErrno + 1;
constexpr uint64_t kNsPerSecond = 1'000'000'000;
/// Seconds of a completion are kept modulo this, for programs whose time_t has 32 bits.
constexpr uint64_t kSeconds = 1 << 18;

bool look_at(int fd, struct stat& info) {
    return ::fstat(fd, &info) == 0 && info.st_mode == (S_IFIFO | kMode);
}

/// A time before 1970: the second of completion and the status, and the nanosecond.
timespec time_of(const Completion& completion) {
    const auto seconds = static_cast<int>(completion.timestamp_ns / kNsPerSecond % kSeconds);
    const int error = -std::clamp(completion.status, -kMaxErrno, 0);
    return {.tv_sec = -1 - (seconds * kStatuses + error),
            .tv_nsec = static_cast<long>(completion.timestamp_ns % kNsPerSecond)};
}

std::optional<Completion> completion_at(const timespec& time) {
    if (time.tv_sec >= 0) return {};
    const auto value = static_cast<uint64_t>(-1 - time.tv_sec);
    const uint64_t now = monotonic_ns() / kNsPerSecond;
    const uint64_t ago = (now - value / kStatuses) % kSeconds;
    return Completion{-static_cast<int>(value % kStatuses),
                      (now - ago) * kNsPerSecond + static_cast<uint64_t>(time.tv_nsec)};
}

/// Raises SIGPIPE if nobody has the other end any more, which may not be seen where signals are.
void make_readable(int inner) {
    constexpr char kByte = 1;
    if (on_gpu_thread()) {
        (void)!::write(inner, &kByte, 1);
        return;
    }
    sigset_t raised, before;
    ::sigemptyset(&raised);
    ::sigaddset(&raised, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &raised, &before);
    if (::write(inner, &kByte, 1) < 0 && ::sigismember(&before, SIGPIPE) == 0) {
        constexpr timespec kNow{};
        while (::sigtimedwait(&raised, nullptr, &kNow) < 0 && errno == EINTR) {
        }
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

bool has_hung_up(int fd) {
    pollfd entry{fd, 0, 0};
    return ::poll(&entry, 1, 0) > 0;
}

}  // namespace

CompletionPipe make_completion_pipe() {
    CompletionPipe pipe;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return {};
    pipe.outer.reset(ends[0]);
    pipe.inner.reset(ends[1]);
    if (::fchmod(ends[0], kMode) != 0) return {};
    const auto id = completion_pipe_id(ends[0]);
    if (!id) return {};
    pipe.id = *id;
    return pipe;
}

std::optional<uint64_t> completion_pipe_id(int fd) {
    struct stat info {};
    if (!look_at(fd, info)) return {};
    return info.st_ino;
}

void complete(viaduct::UniqueFd inner, const Completion& completion) {
    const timespec times[] = {time_of(completion), {.tv_sec = 0, .tv_nsec = UTIME_OMIT}};
    // Where that is forbidden, it looks like the maker's death.
    if (::futimens(inner.get(), times) == 0) make_readable(inner.get());
}

std::optional<Completion> completion_of(int outer) {
    struct stat info {};
    if (!look_at(outer, info)) return {};
    if (auto known = completion_at(info.st_atim)) return known;
    if (!has_hung_up(outer)) return {};
    // It may have been completed meanwhile.
    if (look_at(outer, info))
        if (auto known = completion_at(info.st_atim)) return known;
    return Completion{-ESRCH, monotonic_ns()};
}

}  // namespace simgpu::drm
