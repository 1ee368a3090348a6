// Workers that die, hang or are taken over: one context is lost, its guest is told, nobody else
// notices.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/isolation/workers.h"

namespace viaduct::test {
namespace {

using namespace std::chrono_literals;

class Failure : public ::testing::Test {
  protected:
    // A worker that is killed before its first word is started again: no loss.
    void SetUp() override { ASSERT_TRUE(victim_.settle() && other_.settle()); }
    void expect_lost(GuestContext& guest) {
        EXPECT_TRUE(eventually([&] { return guest.loss_field() != 0; })) << "the guest is told";
        // Messages already sent, those to come, and any wait for them.
        EXPECT_TRUE(guest.wait_seqno(guest.next_seqno()));
        EXPECT_TRUE(guest.wait_seqno(guest.next_seqno() + 1'000'000));
        EXPECT_NE(guest.submit(Commands().add(wire::RequestHeader{1, 16, 1, 0})), 0);
        for (const uint32_t ring : {0u, 1u, 5u, 63u})
            EXPECT_TRUE(guest.fence_retires(ring, GuestContext::Fate::kAny));
        EXPECT_NE(guest.create_blob(vmm_.next_res_id(), 77, 4096), 0);
    }
    void expect_alive(GuestContext& guest) {
        EXPECT_TRUE(guest.settle());
        const GpuContext gpu_context = guest.create_gpu_context();
        EXPECT_NE(guest.submit_write(gpu_context, 2, 0x9000'0000), 0u);
        // The log may tell of a worker before this one: see AZygoteMayDieWithAContextOnItsHands.
        EXPECT_TRUE(guest.fence_retires(gpu_context.ring, GuestContext::Fate::kAny));
        EXPECT_TRUE(guest.settle());
        EXPECT_EQ(guest.loss_field(), 0u);
    }

    const std::string victim_name_ = unique_name("vi"), other_name_ = unique_name("ot");
    Vmm vmm_;
    GuestContext victim_{vmm_, 1, GuestContext::Control::kCreate, victim_name_};
    GuestContext other_{vmm_, 2, GuestContext::Control::kCreate, other_name_};
};

TEST_F(Failure, AKilledWorkerLosesItsContextOnly) {
    ::kill(worker_of(victim_name_), SIGKILL);
    expect_lost(victim_);
    expect_alive(other_);
    EXPECT_TRUE(vmm_.wait_log("context 1 is lost: its worker has ended")) << vmm_.log_text();
    EXPECT_EQ(vmm_.log_text().find("context 2"), std::string::npos) << vmm_.log_text();
}

TEST_F(Failure, ACrashIsNoDifferent) {
    ::kill(worker_of(victim_name_), SIGSEGV);
    expect_lost(victim_);
    expect_alive(other_);
}

TEST_F(Failure, PendingFencesRetire) {
    GuestContext slow(vmm_, 3, GuestContext::Control::kCreate, "slow");
    const GpuContext gpu_context = slow.create_gpu_context();
    ASSERT_NE(slow.submit_write(gpu_context, 1), 0u);
    const uint64_t fence = vmm_.next_fence_id();
    ASSERT_EQ(slow.create_fence(gpu_context.ring, fence), 0);
    // Other tests' guests may be called "slow", too: the one below our zygote is meant.
    const pid_t zygote = parent_of(worker_of(other_name_));
    for (const pid_t pid : workers_of("slow"))
        if (parent_of(pid) == zygote) ::kill(pid, SIGKILL);
    EXPECT_TRUE(vmm_.wait_fence(fence));
    EXPECT_EQ(vmm_.times_reported(fence), 1u);
    expect_alive(other_);
}

TEST_F(Failure, CommandsThatWereUnderWayAreDropped) {
    const pid_t worker = worker_of(victim_name_);
    ::kill(worker, SIGSTOP);
    uint32_t last = 0;
    for (int i = 0; i < 100; ++i) {
        last = victim_.next_seqno();
        EXPECT_EQ(victim_.submit(Commands().add(wire::RequestHeader{1, 16, last, 0})), 0);
    }
    ::kill(worker, SIGKILL);
    EXPECT_TRUE(victim_.wait_seqno(last)) << "the guest does not spin for ever";
    expect_lost(victim_);
}

TEST_F(Failure, AWorkerThatTakesNothingIsKilled) {
    const pid_t worker = worker_of(victim_name_);
    ::kill(worker, SIGSTOP);  // as in an ioctl that never returns
    const uint32_t seqno = victim_.next_seqno();
    ASSERT_EQ(victim_.submit(Commands().add(wire::RequestHeader{1, 16, seqno, 0})), 0);
    EXPECT_TRUE(victim_.wait_seqno(seqno));
    expect_lost(victim_);
    EXPECT_TRUE(workers_end(victim_name_));
    EXPECT_TRUE(vmm_.wait_log("accepted no command for 1000 ms"));
    expect_alive(other_);
}

TEST_F(Failure, AnIdleWorkerIsNotHanging) {
    std::this_thread::sleep_for(2500ms);
    expect_alive(victim_);
}

TEST_F(Failure, OneThatOutrunsItsWorkerIsLost) {
    const pid_t worker = worker_of(victim_name_);
    ::kill(worker, SIGSTOP);
    const std::vector<std::byte> large(1 << 20);
    bool refused = false;
    for (int i = 0; i < 200 && !refused; ++i) refused = victim_.submit(large) != 0;
    EXPECT_TRUE(refused) << "also what travels in memory of its own is counted";
    expect_lost(victim_);
    EXPECT_TRUE(workers_end(victim_name_));
    expect_alive(other_);
}

TEST_F(Failure, AHungWorkerDelaysNobodyElse) {
    const pid_t worker = worker_of(victim_name_);
    ::kill(worker, SIGSTOP);
    expect_alive(other_);
    ::kill(worker, SIGCONT);
    EXPECT_TRUE(victim_.settle());
}

TEST_F(Failure, ALostContextCanBeDestroyedAndMadeAnew) {
    const std::string name = unique_name("ne");
    {
        GuestContext guest(vmm_, 3, GuestContext::Control::kCreate, name);
        ASSERT_TRUE(guest.settle());
        ::kill(worker_of(name), SIGKILL);
        expect_lost(guest);
    }
    GuestContext again(vmm_, 3);
    expect_alive(again);
}

// The VMM's main loop makes the call. What the kernel, or a busy host, still has to do is nobody's
// to wait for.
TEST_F(Failure, AResetWaitsForNoWorkerToEnd) {
    const pid_t zygote = parent_of(worker_of(victim_name_));
    ::kill(zygote, SIGSTOP);
    const auto start = std::chrono::steady_clock::now();
    virgl_renderer_reset();
    EXPECT_LT(std::chrono::steady_clock::now() - start, 500ms);
    ::kill(zygote, SIGCONT);
    EXPECT_TRUE(workers_end(victim_name_));
    EXPECT_TRUE(workers_end(other_name_));
    GuestContext next(vmm_, 1);
    expect_alive(next);
}

// As when it reboots from a boot loader: nothing has used the GPU for a while, so it sleeps.
TEST_F(Failure, TheFirstContextAfterAResetDoesNotWakeTheGpu) {
    ::setenv("VIADUCT_SIMGPU_RESUME_MS", "1000:50", 1);  // read at each wake-up
    virgl_renderer_reset();
    std::this_thread::sleep_for(150ms);
    const auto start = std::chrono::steady_clock::now();
    GuestContext next(vmm_, 1);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 500ms);
    ::unsetenv("VIADUCT_SIMGPU_RESUME_MS");
    EXPECT_TRUE(next.settle());
}

TEST_F(Failure, AKilledZygoteTakesItsWorkersAlongAndIsReplaced) {
    ::kill(parent_of(worker_of(victim_name_)), SIGKILL);
    EXPECT_TRUE(workers_end(victim_name_));
    EXPECT_TRUE(workers_end(other_name_));
    expect_lost(victim_);
    expect_lost(other_);
    GuestContext next(vmm_, 3);
    expect_alive(next);
}

TEST_F(Failure, AZygoteMayDieWithAContextOnItsHands) {
    const pid_t zygote = parent_of(worker_of(victim_name_));
    ::kill(zygote, SIGSTOP);
    std::thread killer([zygote] {
        std::this_thread::sleep_for(100ms);  // the request waits in the socket
        ::kill(zygote, SIGKILL);
    });
    GuestContext next(vmm_, 3);
    killer.join();
    expect_alive(next);
    expect_lost(victim_);
}

TEST_F(Failure, NothingIsLeftBehind) {
    const ProcessUse before = ProcessUse::now();
    for (int i = 0; i < 5; ++i) {
        const std::string name = unique_name("le");
        GuestContext guest(vmm_, 3, GuestContext::Control::kCreate, name);
        ASSERT_NE(guest.create_buffer(1 << 20), 0u);
        ::kill(worker_of(name), SIGKILL);
        EXPECT_TRUE(eventually([&] { return guest.loss_field() != 0; }));
    }
    EXPECT_TRUE(vmm_.returns_to(before)) << ::testing::PrintToString(ProcessUse::now());
}

// In thread mode nothing can be killed, but a context that outruns its worker is as lost.
TEST(UnfinishedWork, EndsWithItsWorkerAndIsNoLoss) {
    Vmm vmm(20s);
    const auto before = ProcessUse::now();
    {
        GuestContext guest(vmm, 1, GuestContext::Control::kCreate, "hang");
        guest.submit_write(guest.create_gpu_context(), 1);
    }
    EXPECT_TRUE(vmm.returns_to(before));
    EXPECT_EQ(vmm.log_text().find("context 1 is lost"), std::string::npos) << vmm.log_text();
}

TEST(ThreadFailure, OneThatOutrunsItsWorkerIsLost) {
    Vmm vmm;
    GuestContext guest(vmm, 1), other(vmm, 2);
    // Each takes long: half a million commands.
    const Message query = guest.driver().query(16);
    Commands commands;
    for (uint32_t i = 0; i < 500'000; ++i) commands.add(query, {0, 0, guest.next_seqno(), 0});
    int refused = 0;
    for (int i = 0; i < 20 && !refused; ++i) refused = guest.submit(commands.bytes());
    ASSERT_NE(refused, 0);
    EXPECT_TRUE(eventually([&] { return guest.loss_field() != 0; }));
    EXPECT_TRUE(eventually(
        [&] { return static_cast<int32_t>(guest.published_seqno() - guest.next_seqno()) >= 0; }));
    EXPECT_TRUE(guest.fence_retires(1, GuestContext::Fate::kAny));
    EXPECT_TRUE(other.settle());
}

}  // namespace
}  // namespace viaduct::test
