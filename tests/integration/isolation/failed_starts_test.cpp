// A worker that cannot be started costs the contexts that wanted it, and the next one
// tries again. No guest's commands end up in the VMM's process for it.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <spawn.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <optional>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/isolation/worker_service.h"
#include "tests/integration/isolation/workers.h"

namespace {

std::atomic<bool> g_no_more_processes = false;

}  // namespace

// As for a user with RLIMIT_NPROC processes, while that lasts.
extern "C" __attribute__((visibility("default"))) int posix_spawn(
    pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
    const posix_spawnattr_t* attributes, char* const arguments[], char* const environment[]) {
    if (g_no_more_processes) return EAGAIN;
    static const auto real =
        reinterpret_cast<decltype(&posix_spawn)>(::dlsym(RTLD_NEXT, "posix_spawn"));
    return real(pid, path, actions, attributes, arguments, environment);
}

namespace viaduct::test {
namespace {

using Manner = WorkerService::Manner;

constexpr const char* kAnyThreadMode = "thread mode";

enum class Outcome { kLost, kInAProcess, kElse };

/// The fate of a new context; one that is refused at once counts as lost.
Outcome outcome(Vmm& vmm, uint32_t ctx_id) {
    const std::string name = unique_name("fs");
    const size_t before = vmm.losses_of(ctx_id);
    Outcome seen = Outcome::kElse;
    if (virgl_renderer_context_create_with_flags(
            ctx_id, VIRTGPU_DRM_CAPSET_DRM, static_cast<uint32_t>(name.size()), name.c_str()) != 0)
        return Outcome::kLost;
    eventually([&] {
        if (vmm.losses_of(ctx_id) > before)
            seen = Outcome::kLost;
        else if (workers_of(name).size() == 1)
            seen = Outcome::kInAProcess;
        return seen != Outcome::kElse;
    });
    virgl_renderer_context_destroy(ctx_id);
    return seen;
}

class FailedStart : public ::testing::Test {
  protected:
    void SetUp() override {
        ::unsetenv("VIADUCT_WORKER_SOCKET");
        ::unsetenv("VIADUCT_WORKER_PATH");
    }
    void use_service() { ::setenv("VIADUCT_WORKER_SOCKET", WorkerService::path().c_str(), 1); }
    bool logged(Vmm& vmm, const std::string& text) {
        return vmm.log_text().find(text) != std::string::npos;
    }
};

// A program run per suite: what is logged when a context is refused is limited in the life of a
// process.
class AServiceThatDrops : public FailedStart {};
class ASilentService : public FailedStart {};
class AServiceNotThereYet : public FailedStart {};
class AMissingProgram : public FailedStart {};
class AMomentWithoutProcesses : public FailedStart {};

TEST_F(AServiceThatDrops, CostsOneContext) {
    use_service();
    WorkerService service(Manner::kDrop);
    Vmm vmm;
    EXPECT_EQ(outcome(vmm, 1), Outcome::kLost);
    service.set_manner(Manner::kServe);
    EXPECT_EQ(outcome(vmm, 2), Outcome::kInAProcess);
    EXPECT_FALSE(logged(vmm, kAnyThreadMode)) << vmm.log_text();
}

TEST_F(ASilentService, IsWaitedForOnce) {
    use_service();
    WorkerService service(Manner::kSilent);
    Vmm vmm;
    for (uint32_t ctx_id = 1; ctx_id <= 4; ++ctx_id)
        EXPECT_EQ(virgl_renderer_context_create_with_flags(ctx_id, VIRTGPU_DRM_CAPSET_DRM, 4, "t"),
                  0)
            << "the VMM does not wait for it";
    for (uint32_t ctx_id = 1; ctx_id <= 4; ++ctx_id)
        EXPECT_TRUE(eventually([&] { return vmm.losses_of(ctx_id) > 0; })) << ctx_id;
    EXPECT_EQ(service.connections(), 1) << "not for each of them in turn";
    EXPECT_TRUE(logged(vmm, "viaduct-worker did not answer within 5000 ms")) << vmm.log_text();
    EXPECT_FALSE(logged(vmm, kAnyThreadMode)) << vmm.log_text();
}

TEST_F(ASilentService, IsTriedAgainLater) {
    use_service();
    WorkerService service(Manner::kSilent);
    Vmm vmm;
    EXPECT_EQ(outcome(vmm, 1), Outcome::kLost);
    service.set_manner(Manner::kServe);
    EXPECT_TRUE(eventually([&] { return outcome(vmm, 2) == Outcome::kInAProcess; }))
        << vmm.log_text();
}

TEST_F(AServiceNotThereYet, CostsOneContext) {
    use_service();
    std::optional<WorkerService> service;  // it waits for the VMM's end
    Vmm vmm;
    EXPECT_EQ(outcome(vmm, 1), Outcome::kLost);
    EXPECT_TRUE(logged(vmm, WorkerService::path() + ": No such file")) << vmm.log_text();
    EXPECT_FALSE(logged(vmm, kAnyThreadMode)) << vmm.log_text();
    service.emplace();
    EXPECT_EQ(outcome(vmm, 2), Outcome::kInAProcess);
}

TEST_F(AMissingProgram, IsAnErrorIfItWasNamed) {
    ::setenv("VIADUCT_WORKER_PATH", "/nonexistent/viaduct-worker", 1);
    Vmm vmm;
    EXPECT_EQ(outcome(vmm, 1), Outcome::kLost);
    EXPECT_TRUE(logged(vmm, "/nonexistent/viaduct-worker: No such file")) << vmm.log_text();
    EXPECT_FALSE(logged(vmm, kAnyThreadMode)) << vmm.log_text();
    ::unsetenv("VIADUCT_WORKER_PATH");
    EXPECT_EQ(outcome(vmm, 2), Outcome::kInAProcess);
}

TEST_F(AMomentWithoutProcesses, CostsOneContext) {
    g_no_more_processes = true;
    Vmm vmm;
    EXPECT_EQ(outcome(vmm, 1), Outcome::kLost);
    EXPECT_TRUE(logged(vmm, "Resource temporarily unavailable")) << vmm.log_text();
    EXPECT_FALSE(logged(vmm, kAnyThreadMode)) << vmm.log_text();
    g_no_more_processes = false;
    EXPECT_EQ(outcome(vmm, 2), Outcome::kInAProcess);
}

}  // namespace
}  // namespace viaduct::test
