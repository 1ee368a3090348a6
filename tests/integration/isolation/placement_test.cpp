// Where workers run, by wish and by what the VMM's surroundings allow.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/isolation/confined_vmm.h"
#include "tests/integration/isolation/worker_service.h"
#include "tests/integration/isolation/workers.h"

namespace viaduct::test {
namespace {

enum class Place { kProcess, kThread };

size_t times(const std::string& what, const std::string& text) {
    size_t count = 0;
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
        ++count;
    return count;
}

/// Two contexts do something; where are their workers? The log of all that.
std::string expect_workers(Place place) {
    Vmm vmm;
    const std::string name = unique_name("pl");
    GuestContext guest(vmm, 1, GuestContext::Control::kCreate, name);
    GuestContext second(vmm, 2, GuestContext::Control::kCreate, name);
    const GpuContext gpu_context = guest.create_gpu_context();
    EXPECT_NE(guest.submit_write(gpu_context, 2), 0u);
    EXPECT_TRUE(guest.fence_retires(gpu_context.ring));
    EXPECT_TRUE(second.settle());
    EXPECT_EQ(workers_of(name).size(), place == Place::kProcess ? 2u : 0u);
    return vmm.log_text();
}

constexpr const char* kThreadMode = "contexts run within this process (thread mode)";

TEST(ByDefault, InProcesses) {
    EXPECT_EQ(times(kThreadMode, expect_workers(Place::kProcess)), 0u);
}

TEST(ByWish, InThreads) {
    EXPECT_EQ(times(kThreadMode, expect_workers(Place::kThread)), 0u) << "no complaint: a wish";
}

TEST(ByAnUnknownWord, InProcessesWithAWordAboutIt) {
    const std::string log = expect_workers(Place::kProcess);
    EXPECT_EQ(times("VIADUCT_ISOLATION=\"teapot\" is neither process nor thread", log), 1u) << log;
}

// Runs with a copy of the library that has no program beside it.
TEST(WithoutAProgram, InThreadsWithAWordAboutIt) {
    if (::access(VIADUCT_LIBEXECDIR "/viaduct-worker", F_OK) == 0)
        GTEST_SKIP() << "a viaduct-worker is installed";
    const std::string log = expect_workers(Place::kThread);
    EXPECT_EQ(times(kThreadMode, log), 1u) << log;
    EXPECT_EQ(times("viaduct-worker is neither beside the library nor at", log), 1u) << log;
    EXPECT_EQ(times(kThreadMode, expect_workers(Place::kThread)), 0u) << "said once";
}

/// Stands in for the worker's program: runs `first_time`, and the program itself from then on.
class Substitute {
  public:
    explicit Substitute(const std::string& first_time) {
        std::ofstream(path_) << "#!/bin/sh\nif mkdir " << path_ << ".used 2>&-; then\n"
                             << first_time << "\nexit; fi\nexec "
                             << std::getenv("VIADUCT_TEST_WORKER") << " \"$@\"\n";
        ::chmod(path_.c_str(), 0700);
        ::setenv("VIADUCT_WORKER_PATH", path_.c_str(), 1);
    }
    ~Substitute() {
        std::filesystem::remove(path_);
        std::filesystem::remove(path_ + ".used");
    }

  private:
    const std::string path_ = testing::TempDir() + unique_name("su");
};

TEST(WithAZygoteThatDies, BeforeTheHelloThereIsAnother) {
    const Substitute substitute(":");
    EXPECT_EQ(times(kThreadMode, expect_workers(Place::kProcess)), 0u);
}

TEST(WithAZygoteThatDies, WithTheHelloUnreadThereIsAnother) {
    const Substitute substitute("PATH=/usr/bin:/bin; sleep 0.3 &");
    EXPECT_EQ(times(kThreadMode, expect_workers(Place::kProcess)), 0u);
}

TEST(InAConfinedVmm, InThreadsWithAWordAboutIt) {
    forbid_namespaces();
    const std::string log = expect_workers(Place::kThread);
    EXPECT_EQ(times(kThreadMode, log), 1u) << log;
    EXPECT_EQ(times("VIADUCT_WORKER_SOCKET", log), 1u) << log;
}

TEST(InAConfinedVmmThatMaySpawn, InProcesses) {
    forbid_namespaces();
    EXPECT_EQ(times(kThreadMode, expect_workers(Place::kProcess)), 0u);
}

TEST(WithoutNamespaces, InProcessesWithAWordAboutIt) {
    forbid_namespaces();
    const std::string log = expect_workers(Place::kProcess);
    EXPECT_EQ(
        times("the workers' jail is incomplete; the host does not allow: user namespace", log), 1u)
        << log;
    EXPECT_EQ(times("jail is incomplete", expect_workers(Place::kProcess)), 0u) << "said once";
}

TEST(WithoutNamespaces, TheRestApplies) {
    Vmm vmm;
    const std::string name = unique_name("re");
    GuestContext guest(vmm, 1, GuestContext::Control::kCreate, name);
    const pid_t worker = worker_of(name);
    ASSERT_TRUE(guest.settle()) << "its jail is closed before it executes anything";
    EXPECT_EQ(status_line(worker, "NoNewPrivs"), "1");
    EXPECT_EQ(status_line(worker, "Seccomp"), "2");
    EXPECT_EQ(status_line(worker, "CapEff"), "0000000000000000");
}

TEST(ByService, InItsProcesses) {
    WorkerService service;
    ::setenv("VIADUCT_WORKER_SOCKET", WorkerService::path().c_str(), 1);
    ::setenv("VIADUCT_WORKER_PATH", "/nonexistent/viaduct-worker", 1);  // it must not come to that
    EXPECT_EQ(times(kThreadMode, expect_workers(Place::kProcess)), 0u);
    EXPECT_EQ(service.connections(), 1) << "one zygote per VMM";
}

TEST(ByService, AlsoForAConfinedVmm) {
    WorkerService service;
    ::setenv("VIADUCT_WORKER_SOCKET", WorkerService::path().c_str(), 1);
    forbid_namespaces();
    EXPECT_EQ(times(kThreadMode, expect_workers(Place::kProcess)), 0u);
}

}  // namespace
}  // namespace viaduct::test
