#include "drm-context/jail/rules.h"

#include <fcntl.h>
#include <linux/sync_file.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>

#include "drm-context/device/set_client_name.h"
#include "drm-context/driver/traits.h"

namespace viaduct::jail {

namespace {

constexpr uint64_t kInt = UINT32_MAX;  // arguments that the kernel reads as 32 bits

constexpr ArgumentCheck equals(uint32_t argument, uint64_t value) {
    return {argument, kInt, value};
}
constexpr ArgumentCheck only_bits(uint32_t argument, uint64_t bits) {
    return {argument, kInt & ~bits, 0};
}
// Memory is data and never becomes executable.
constexpr ArgumentCheck not_executable(uint32_t argument) {
    return {argument, PROT_EXEC, 0};
}

// Threads of this process, nothing else that clone(2) can make.
constexpr uint64_t kThread = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND;
constexpr uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                 CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

constexpr SyscallRule kWorker[] = {
    // The ring, the socket, the wake-ups; waiting for fences.
    {SCMP_SYS(read)},
    {SCMP_SYS(write)},
    {SCMP_SYS(sendmsg)},
    {SCMP_SYS(recvmsg)},
    {SCMP_SYS(poll)},
    {SCMP_SYS(ppoll)},
    {SCMP_SYS(close)},
    {SCMP_SYS(fcntl), equals(1, F_DUPFD_CLOEXEC)},
    // Sizes of what the front hands in. Memory files of a worker's own would be outside every
    // limit.
    {SCMP_SYS(fcntl), equals(1, F_GET_SEALS)},
    {SCMP_SYS(lseek)},
    // Memory.
    {SCMP_SYS(mmap), not_executable(2)},
    {SCMP_SYS(mprotect), not_executable(2)},
    {SCMP_SYS(munmap)},
    // With it, the worker's slot of the account would grow over the slots behind it. The C library
    // tries it for large blocks, and does without.
    {SCMP_SYS(mremap), {}, Answer::kRefuse},
    {SCMP_SYS(madvise)},
    {SCMP_SYS(brk)},
    // Its own thread's processors.
    {SCMP_SYS(sched_getaffinity), equals(0, 0)},
    {SCMP_SYS(sched_setaffinity), equals(0, 0)},
    {SCMP_SYS(sched_yield)},
    // Time, locks, the end.
    {SCMP_SYS(clock_gettime)},
    {SCMP_SYS(clock_nanosleep)},
    {SCMP_SYS(futex)},
    {SCMP_SYS(getpid)},
    {SCMP_SYS(gettid)},
    {SCMP_SYS(getrandom)},
    {SCMP_SYS(restart_syscall)},
    {SCMP_SYS(rt_sigprocmask)},
    {SCMP_SYS(rt_sigreturn)},
    {SCMP_SYS(exit)},
    {SCMP_SYS(exit_group)},
};

constexpr SyscallRule kSimulatedGpu[] = {
    // A buffer is a memory file: no huge pages, of which the host has few.
    {SCMP_SYS(memfd_create), only_bits(1, MFD_CLOEXEC | MFD_ALLOW_SEALING)},
    {SCMP_SYS(ftruncate)},
    {SCMP_SYS(fcntl), equals(1, F_ADD_SEALS)},
    // A sync file is a pipe with a mode and times; others' are watched.
    {SCMP_SYS(pipe2), equals(1, O_CLOEXEC)},
    {SCMP_SYS(fchmod), equals(1, 01640)},
    {SCMP_SYS(utimensat), {1, ~uint64_t{0}, 0}},  // of a descriptor
    {SCMP_SYS(rt_sigtimedwait)},                  // for the SIGPIPE of one that nobody has
    // A syncobj's descriptor is a socket pair with a name. Not of a kind that sends to addresses
    // (SOCK_DGRAM).
    {SCMP_SYS(socketpair), equals(0, AF_UNIX), Answer::kAllow,
     equals(1, SOCK_SEQPACKET | SOCK_CLOEXEC)},
    {SCMP_SYS(bind)},
    {SCMP_SYS(getsockname)},
    {SCMP_SYS(epoll_create1)},
    {SCMP_SYS(epoll_ctl)},
    {SCMP_SYS(epoll_wait)},
    {SCMP_SYS(epoll_pwait)},
    // A ring is a thread.
    {SCMP_SYS(clone), {0, kThread | kNamespaces, kThread}},
    {SCMP_SYS(clone3), {}, Answer::kNoSuchCall},  // its flags lie in memory
    {SCMP_SYS(set_robust_list)},
    {SCMP_SYS(rseq)},
    {SCMP_SYS(sched_getaffinity)},
    {SCMP_SYS(nanosleep)},
    {SCMP_SYS(fallocate)},                          // a discarded buffer's content
    {SCMP_SYS(capget)},                             // a kernel's capable()
    {SCMP_SYS(rt_sigaction), {}, Answer::kRefuse},  // the C library's, for setuid() with threads
    // Buffers are known by their inodes; a process keeps its seat at the device by file locks.
    {SCMP_SYS(fstat)},
    {SCMP_SYS(newfstatat), equals(3, AT_EMPTY_PATH)},
    {SCMP_SYS(fcntl), equals(1, F_OFD_SETLK)},
    {SCMP_SYS(fcntl), equals(1, F_OFD_SETLKW)},
    {SCMP_SYS(fcntl), equals(1, F_OFD_GETLK)},
    // The last one at a device removes its file: not from in here.
    {SCMP_SYS(unlink), {}, Answer::kRefuse},
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr SyscallRule kSanitizer[] = {
    {SCMP_SYS(sigaltstack)},
    {SCMP_SYS(rt_sigaction)},
    {SCMP_SYS(prlimit64)},
    {SCMP_SYS(sched_yield)},
    {SCMP_SYS(sched_getaffinity)},
    {SCMP_SYS(clone), {0, kThread | kNamespaces, kThread}},
    {SCMP_SYS(clone3), {}, Answer::kNoSuchCall},
    {SCMP_SYS(set_robust_list)},
    {SCMP_SYS(rseq)},
    {SCMP_SYS(nanosleep)},
    {SCMP_SYS(dup)},
    {SCMP_SYS(pipe)},  // whether memory can be read is tried with one
    {SCMP_SYS(pipe2)},
    {SCMP_SYS(prctl), equals(0, PR_SET_NAME)},
    {SCMP_SYS(open), {}, Answer::kRefuse},
    {SCMP_SYS(openat), {}, Answer::kRefuse},
    {SCMP_SYS(readlink), {}, Answer::kRefuse},
    {SCMP_SYS(stat), {}, Answer::kRefuse},
};
#endif

constexpr uint32_t kCommonIoctls[] = {
    DRM_IOCTL_VERSION,
    DRM_IOCTL_GEM_CLOSE,
    DRM_IOCTL_PRIME_HANDLE_TO_FD,
    DRM_IOCTL_PRIME_FD_TO_HANDLE,
    // The fences of the rings, and what submissions wait for.
    DRM_IOCTL_SYNCOBJ_CREATE,
    DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD,
    DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE,
    DRM_IOCTL_SYNCOBJ_WAIT,
    kSetClientName,
    SYNC_IOC_MERGE,
    SYNC_IOC_FILE_INFO,
};

}  // namespace

std::span<const SyscallRule> worker_rules() {
    return kWorker;
}

std::span<const SyscallRule> simulated_gpu_rules() {
    return kSimulatedGpu;
}

std::span<const SyscallRule> sanitizer_rules() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return kSanitizer;
#else
    return {};
#endif
}

std::vector<uint32_t> ioctl_requests(const ContextTypeInfo& type) {
    const DriverTraits& traits = type.traits();
    std::vector<uint32_t> requests(std::begin(kCommonIoctls), std::end(kCommonIoctls));
    requests.insert(requests.end(), traits.ioctls.begin(), traits.ioctls.end());
    for (const CommandEntry& command : traits.commands)
        requests.insert(requests.end(), command.ioctls.begin(), command.ioctls.end());
    std::ranges::sort(requests);
    const auto repeated = std::ranges::unique(requests);
    requests.erase(repeated.begin(), repeated.end());
    return requests;
}

}  // namespace viaduct::jail
