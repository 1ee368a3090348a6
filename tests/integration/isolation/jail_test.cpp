// A worker as it runs: what of the jail is around it.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/isolation/workers.h"

namespace viaduct::test {
namespace {

namespace fs = std::filesystem;

// Not in a chroot, for one.
bool host_gives_user_namespaces() {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(::unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
    int status = -1;
    ::waitpid(child, &status, 0);
    return status == 0;
}

class Jail : public ::testing::Test {
  protected:
    /// On a busy host a context is there before its worker has closed the jail.
    Jail() {
        for (int i = 0; i < 10'000 && status_line(worker_, "Seccomp") != "2"; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::string link_of(pid_t pid, const std::string& what) {
        std::error_code error;
        return fs::read_symlink(fmt::format("/proc/{}/{}", pid, what), error);
    }
    /// A line of /proc/PID/limits: the soft and the hard limit.
    std::pair<uint64_t, uint64_t> limit_of(pid_t pid, const std::string& name) {
        std::ifstream file(fmt::format("/proc/{}/limits", pid));
        const auto number = [](const std::string& word) {
            return word == "unlimited" ? UINT64_MAX : std::stoull(word);
        };
        for (std::string line; std::getline(file, line);) {
            if (!line.starts_with(name)) continue;
            std::istringstream values(line.substr(name.size()));
            std::string soft, hard;
            values >> soft >> hard;
            return {number(soft), number(hard)};
        }
        ADD_FAILURE() << "no limit called " << name;
        return {UINT64_MAX, UINT64_MAX};
    }
    const std::string name_ = unique_name("jail");
    Vmm vmm_;
    GuestContext guest_{vmm_, 1, GuestContext::Control::kCreate, name_};
    const pid_t worker_ = worker_of(name_);
};

TEST_F(Jail, IsClosed) {
    EXPECT_EQ(status_line(worker_, "NoNewPrivs"), "1");
    EXPECT_EQ(status_line(worker_, "Seccomp"), "2") << "a filter";
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
        EXPECT_EQ(status_line(worker_, set), "0000000000000000") << set;
}

// The kernel shares out processors by session; and Ctrl-C in a terminal is not for workers.
TEST_F(Jail, IsInItsVmmsSessionButNotInItsProcessGroup) {
    EXPECT_EQ(::getsid(worker_), ::getsid(0));
    EXPECT_NE(::getpgid(worker_), ::getpgid(0));
}

TEST_F(Jail, GoesFirstWhenMemoryRunsOut) {
    std::ifstream file(fmt::format("/proc/{}/oom_score_adj", worker_));
    int score = 0;
    ASSERT_TRUE(file >> score);
    EXPECT_EQ(score, 1000);
    std::ifstream zygotes(fmt::format("/proc/{}/oom_score_adj", parent_of(worker_)));
    ASSERT_TRUE(zygotes >> score);
    EXPECT_NE(score, 1000) << "all contexts would go with it";
}

TEST_F(Jail, HasLimits) {
    struct Limit {
        const char* name;
        uint64_t most;
    };
    std::vector<Limit> limits = {{"Max core file size", 0},
                                 {"Max msgqueue size", 0},
                                 {"Max locked memory", 0},
                                 {"Max open files", 16384}};
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    limits.push_back({"Max data size", 1 << 30});
#endif
    for (const Limit& limit : limits) {
        const auto [soft, hard] = limit_of(worker_, limit.name);
        EXPECT_LE(soft, limit.most) << limit.name;
        EXPECT_LE(hard, limit.most) << limit.name;
    }
}

TEST_F(Jail, StaysClosedForThreadsOfTheSimulatedGpu) {
    const GpuContext gpu_context = guest_.create_gpu_context();
    ASSERT_NE(guest_.submit_write(gpu_context, 1), 0u);
    EXPECT_TRUE(guest_.fence_retires(gpu_context.ring));
    size_t threads = 0;
    for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", worker_))) {
        ++threads;
        EXPECT_EQ(status_line(std::stoi(task.path().filename()), "Seccomp"), "2");
    }
    EXPECT_GT(threads, 1u);
}

TEST_F(Jail, HasItsOwnNamespaces) {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a process with threads, as the sanitizer's are, gets no user namespace";
#endif
    if (!host_gives_user_namespaces()) GTEST_SKIP() << "the host gives no user namespaces";
    for (const char* kind : {"user", "mnt", "pid", "net", "ipc", "uts"}) {
        const std::string link = fmt::format("ns/{}", kind);
        if (link_of(worker_, link).empty()) GTEST_SKIP() << "not to be read here";
        EXPECT_NE(link_of(worker_, link), link_of(::getpid(), link)) << kind;
    }
    EXPECT_TRUE(fs::is_empty(fmt::format("/proc/{}/root", worker_))) << "no file system";
}

TEST_F(Jail, IsEntered_WithoutOurDescriptorsAndEnvironment) {
    ::setenv("SECRET", "of the VMM", 1);
    const UniqueFd ours(::open("/etc/passwd", O_RDONLY));
    const std::string name = unique_name("open");
    const GuestContext guest(vmm_, 2, GuestContext::Control::kNone, name);
    const pid_t worker = worker_of(name);
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/fd", worker), error)) {
        const std::string target = fs::read_symlink(entry.path(), error);
        EXPECT_FALSE(target.starts_with("/etc") || target.starts_with("/dev/dri")) << target;
    }
    if (error) GTEST_SKIP() << "not to be read here";
}

TEST_F(Jail, EndsWithTheContext) {
    {
        const std::string name = unique_name("end");
        const GuestContext guest(vmm_, 2, GuestContext::Control::kCreate, name);
        EXPECT_NE(worker_of(name), -1);
        virgl_renderer_context_destroy(2);
        EXPECT_TRUE(workers_end(name));
    }
    EXPECT_TRUE(guest_.settle()) << "others go on";
}

TEST_F(Jail, ALargeControlBufferCostsNothing) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer's shadow memory is large";
#endif
    const std::string name = unique_name("large");
    GuestContext guest(vmm_, 2, GuestContext::Control::kNone, name);
    guest.create_control(16 << 20);
    const Message query = guest.driver().query(0xf00000);
    std::memcpy(guest.area().data(), &query.answer, sizeof(query.answer));
    const uint32_t seqno = guest.next_seqno();
    EXPECT_EQ(guest.submit(Commands().add(query, {0, 0, seqno, 0})), 0);
    ASSERT_TRUE(guest.wait_seqno(seqno));
    EXPECT_LT(std::stoul(status_line(worker_of(name), "VmHWM")), 40u << 10) << "kB";
    EXPECT_TRUE(guest.settle());
}

TEST_F(Jail, HasNothingToReport) {
    const GpuContext gpu_context = guest_.create_gpu_context();
    ASSERT_NE(guest_.submit_write(gpu_context, 1), 0u);
    EXPECT_TRUE(guest_.fence_retires(gpu_context.ring));
    EXPECT_EQ(vmm_.log_text().find("jail refuses"), std::string::npos) << vmm_.log_text();
}

}  // namespace
}  // namespace viaduct::test
