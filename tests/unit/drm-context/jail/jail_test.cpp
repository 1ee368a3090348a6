// For each thing that a worker must not do: from within the jail it fails.
#include "drm-context/jail/jail.h"
#include "drm-context/jail/refusals.h"

#include <amdgpu_drm.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/sync_file.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "blob/memfd.h"
#include "tests/unit/drm-context/jail/prisoner.h"

namespace viaduct::test {
namespace {

int errno_of(long result) {
    return result < 0 ? errno : 0;
}

struct Crime {
    const char* name;
    int (*attempt)();
};

void PrintTo(const Crime& crime, std::ostream* out) {
    *out << crime.name;
}

const Crime kCrimes[] = {
    {"Open", [] { return errno_of(::open("/etc/passwd", O_RDONLY)); }},
    {"OpenADevice", [] { return errno_of(::openat(AT_FDCWD, "/dev/null", O_RDWR)); }},
    {"Create", [] { return errno_of(::open("/tmp/viaduct-escape", O_CREAT | O_WRONLY, 0600)); }},
    {"Stat", [] { return errno_of(::access("/etc", F_OK)); }},
    {"Unlink", [] { return errno_of(::unlink("/nowhere")); }},
    {"ChangeRoot", [] { return errno_of(::chroot("/")); }},
    {"Mount", [] { return errno_of(::mount("x", "/", "tmpfs", 0, nullptr)); }},
    {"Connect",
     [] {
         const sockaddr_un address{AF_UNIX, "/run/dbus/system_bus_socket"};
         return errno_of(
             ::connect(0, reinterpret_cast<const sockaddr*>(&address), sizeof(address)));
     }},
    {"InternetSocket", [] { return errno_of(::socket(AF_INET, SOCK_STREAM, 0)); }},
    {"NetlinkSocket", [] { return errno_of(::socket(AF_NETLINK, SOCK_RAW, 0)); }},
    {"UnixSocket", [] { return errno_of(::socket(AF_UNIX, SOCK_STREAM, 0)); }},
    {"InternetSocketPair",
     [] {
         int ends[2];
         return errno_of(::socketpair(AF_INET, SOCK_STREAM, 0, ends));
     }},
    {"SocketPairThatSendsToAddresses",
     [] {
         int ends[2];
         return errno_of(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends));
     }},
    {"Accept", [] { return errno_of(::accept(0, nullptr, nullptr)); }},
    {"Execute",
     [] {
         char* const none[] = {nullptr};
         return errno_of(::execve("/bin/true", none, none));
     }},
    {"Fork",
     [] {
         const long child = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
         if (child == 0) ::_exit(0);
         return errno_of(child);
     }},
    {"NewNamespace", [] { return errno_of(::unshare(CLONE_NEWUSER)); }},
    {"KillTheParent", [] { return errno_of(::kill(::getppid(), 0)); }},
    {"KillOneself", [] { return errno_of(::kill(::getpid(), 0)); }},
    {"Trace", [] { return errno_of(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }},
    {"ReadAnothersMemory",
     [] {
         return errno_of(::syscall(SYS_process_vm_readv, ::getpid(), nullptr, 0, nullptr, 0, 0));
     }},
    {"TakeAnothersDescriptor", [] { return errno_of(::syscall(SYS_pidfd_open, ::getpid(), 0)); }},
    {"MakeCode",
     [] {
         void* at = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         return at == MAP_FAILED ? errno : 0;
     }},
    {"MakeDataCode",
     [] {
         void* at =
             ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         return errno_of(::mprotect(at, 4096, PROT_READ | PROT_EXEC));
     }},
    {"GrowAMapping",
     [] {
         void* at =
             ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
         return ::mremap(at, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED ? errno : 0;
     }},
    {"HugeMemoryFile", [] { return errno_of(::memfd_create("", MFD_HUGETLB)); }},
    {"ExecutableMemoryFile", [] { return errno_of(::memfd_create("", 0x10 /* MFD_EXEC */)); }},
    {"BecomeAnother", [] { return errno_of(::setuid(0)); }},
    {"RaiseALimit",
     [] {
         const rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
         return errno_of(::setrlimit(RLIMIT_CORE, &limit));
     }},
    {"Control", [] { return errno_of(::prctl(PR_SET_DUMPABLE, 1)); }},
    {"SharedMemorySegment", [] { return errno_of(::shmget(IPC_PRIVATE, 4096, IPC_CREAT)); }},
    {"Watch", [] { return errno_of(::inotify_init1(0)); }},
    {"KernelInterfaceBpf", [] { return errno_of(::syscall(SYS_bpf, 0, nullptr, 0)); }},
    {"KernelInterfaceIoUring", [] { return errno_of(::syscall(SYS_io_uring_setup, 1, nullptr)); }},
    {"KernelInterfaceUserfaultfd", [] { return errno_of(::syscall(SYS_userfaultfd, 0)); }},
    {"KernelInterfaceKeys", [] { return errno_of(::syscall(SYS_keyctl, 0, 0, 0, 0, 0)); }},
    {"KernelInterfacePerf",
     [] { return errno_of(::syscall(SYS_perf_event_open, nullptr, 0, 0, 0, 0)); }},
    {"IoctlOfATerminal", [] { return errno_of(::ioctl(0, TIOCSTI, "x")); }},
    {"IoctlOfANetwork",
     [] {
         ifreq request{};
         return errno_of(::ioctl(0, SIOCGIFADDR, &request));
     }},
    {"IoctlOfAnotherDriver", [] { return errno_of(::ioctl(0, DRM_IOW(0x40, int), nullptr)); }},
    {"IoctlThatSetsModes",
     [] { return errno_of(::ioctl(0, DRM_IOCTL_MODE_GETRESOURCES, nullptr)); }},
    {"IoctlWithHighBits",
     [] { return errno_of(::syscall(SYS_ioctl, 0, 0xdead'0000'0000ul | TIOCSTI, nullptr)); }},
    {"NameADescriptorFlag", [] { return errno_of(::fcntl(0, F_SETOWN, 1)); }},
};

struct Cell {
    const char* name;
    jail::Gpu gpu;
    Host host;
};
constexpr Cell kCells[] = {
    {"RealGpu", jail::Gpu::kReal, Host::kPermissive},
    {"SimulatedGpu", jail::Gpu::kSimulated, Host::kPermissive},
    {"RealGpuWithoutNamespaces", jail::Gpu::kReal, Host::kNoNamespaces},
};
void PrintTo(const Cell& cell, std::ostream* out) {
    *out << cell.name;
}

class Jail : public ::testing::TestWithParam<std::tuple<Cell, Crime>> {};

TEST_P(Jail, Refuses) {
    const auto& [cell, crime] = GetParam();
    const Verdict verdict = try_in_jail(cell.gpu, crime.attempt, cell.host);
    ASSERT_TRUE(verdict.jailed);
    EXPECT_EQ(verdict.status, 0) << "the worker lives on";
    EXPECT_EQ(verdict.error, EPERM) << std::strerror(verdict.error);
}

INSTANTIATE_TEST_SUITE_P(
    , Jail, ::testing::Combine(::testing::ValuesIn(kCells), ::testing::ValuesIn(kCrimes)),
    [](const auto& info) {
        return std::string(std::get<0>(info.param).name) + std::get<1>(info.param).name;
    });

TEST(JailOnARealGpu, HasOneThread) {
    const auto verdict = try_in_jail(jail::Gpu::kReal, [] {
        return errno_of(::syscall(SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, nullptr,
                                  nullptr, nullptr, nullptr));
    });
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_EQ(verdict.error, EPERM);
#endif
    EXPECT_TRUE(verdict.jailed);
}

TEST(JailOnARealGpu, LetsTheDriversIoctlsThrough) {
    const auto& type = *find_context_type(wire::ContextType::kAmdgpu);
    for (const uint32_t request : jail::ioctl_requests(type)) {
        const auto verdict = try_in_jail(
            jail::Gpu::kReal, [request] { return errno_of(::ioctl(-1, request, nullptr)); });
        EXPECT_EQ(verdict.error, EBADF) << std::hex << request << ": it reaches the kernel";
    }
}

TEST(JailOnARealGpu, MakesNoMemoryFile) {
    const auto verdict =
        try_in_jail(jail::Gpu::kReal, [] { return errno_of(::memfd_create("", MFD_CLOEXEC)); });
    EXPECT_EQ(verdict.error, EPERM);
}

TEST(JailOnARealGpu, MakesNoFileGrow) {
    const UniqueFd file(::memfd_create("front's", MFD_CLOEXEC));
    const auto verdict =
        try_in_jail(jail::Gpu::kReal, [&] { return errno_of(::ftruncate(file.get(), 1 << 20)); });
    EXPECT_EQ(verdict.error, EPERM);
    const auto writing =
        try_in_jail(jail::Gpu::kReal, [&] { return errno_of(::write(file.get(), "x", 1)); });
    EXPECT_NE(writing.status, 0) << "the kernel's signal ends it";
    EXPECT_EQ(object_size(file.get()).value(), 0u);
}

TEST(JailOnASimulatedGpu, MakesBuffers) {
    const auto verdict = try_in_jail(jail::Gpu::kSimulated, [] {
        const auto buffer = create_sealed_memfd("buffer", 4096);
        return buffer ? 0 : buffer.error().code;
    });
    EXPECT_EQ(verdict.error, 0);
}

// A syncobj's descriptor has a name: abstract, which Landlock leaves alone, where a path needs its
// leave.
TEST(JailOnASimulatedGpu, LeavesNoSocketInTheFileSystem) {
    const long landlock = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1u);
    if (landlock < 1) GTEST_SKIP() << "this kernel has no Landlock";
    const auto bind_to = [](const std::string& path) {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return EPROTO;
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        return errno_of(
            ::bind(ends[0], reinterpret_cast<const sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size())));
    };
    const std::string path = testing::TempDir() + "viaduct-" + std::to_string(::getpid());
    const auto verdict = try_in_jail(
        jail::Gpu::kSimulated, [&] { return bind_to(path); }, Host::kNoNamespaces);
    EXPECT_EQ(verdict.error, EACCES) << std::strerror(verdict.error);
    EXPECT_NE(::access(path.c_str(), F_OK), 0);
    ::unlink(path.c_str());
    const auto abstract = try_in_jail(
        jail::Gpu::kSimulated, [&] { return bind_to('\0' + path); }, Host::kNoNamespaces);
    EXPECT_EQ(abstract.error, 0) << std::strerror(abstract.error);
}

// Its kernel asks whether a guest may have a high priority.
TEST(JailOnASimulatedGpu, SeesThatItHasNoCapability) {
    const auto verdict = try_in_jail(jail::Gpu::kSimulated, [] {
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
        if (::syscall(SYS_capget, &header, data) != 0) return errno;
        return data[0].effective == 0 && data[1].effective == 0 ? 0 : EEXIST;
    });
    EXPECT_EQ(verdict.error, 0);
    EXPECT_TRUE(verdict.reports.empty());
}

TEST(JailOnASimulatedGpu, HasNoIoctlAtAll) {
    const auto verdict = try_in_jail(jail::Gpu::kSimulated, [] {
        return errno_of(::ioctl(-1, DRM_IOCTL_AMDGPU_INFO, nullptr));
    });
    EXPECT_EQ(verdict.error, EPERM);
}

TEST(JailReports, EachKindOfCallOnce) {
    if (!jail::kReportsRefusals) GTEST_SKIP() << "refused calls fail in silence here";
    const auto verdict = try_in_jail(jail::Gpu::kReal, [] {
        for (int i = 0; i < 3; ++i) {
            ::socket(AF_INET, SOCK_STREAM, 0);
            ::ioctl(0, 0x1234, nullptr);
            ::ioctl(0, 0x5678, nullptr);
        }
        return 0;
    });
    EXPECT_EQ(verdict.error, 0);
    std::string all;
    for (const auto& line : verdict.reports) all += line + "\n";
    EXPECT_EQ(verdict.reports.size(), 3u) << all;
    EXPECT_NE(all.find(fmt::format("system call {}", SYS_socket)), std::string::npos) << all;
    EXPECT_NE(all.find("request 0x1234"), std::string::npos) << all;
    EXPECT_NE(all.find("request 0x5678"), std::string::npos) << all;
}

TEST(JailReports, WhatTheHostRefuses) {
    const auto verdict = try_in_jail(
        jail::Gpu::kReal, [] { return 0; }, Host::kNoNamespaces);
    EXPECT_TRUE(verdict.jailed) << "the rest still applies";
    EXPECT_NE(verdict.refused.find("user namespace"), std::string::npos) << verdict.refused;
    EXPECT_NE(verdict.refused.find("net namespace"), std::string::npos) << verdict.refused;
}

}  // namespace
}  // namespace viaduct::test
