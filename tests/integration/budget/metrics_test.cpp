// The figures of a VMM, as a reader of its socket sees them.
#include "tests/integration/budget/metrics.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/isolation/workers.h"

namespace viaduct::test {
namespace {

std::string metrics_socket() {
    const char* place = std::getenv("VIADUCT_METRICS");
    return place ? place + std::string_view("unix:").size() : "";
}

TEST(Metrics, FollowAContextsLife) {
    const std::string socket = metrics_socket();
    {
        Vmm vmm;
        {
            GuestContext guest(vmm, 7, GuestContext::Control::kCreate, "glx\"gears");
            const GpuContext gpu_context = guest.create_gpu_context();
            ASSERT_NE(guest.submit_write(gpu_context, 1), 0u);
            ASSERT_TRUE(guest.fence_retires(gpu_context.ring));
            ASSERT_EQ(guest.create_buffer(1 << 30), 0u);
            ASSERT_TRUE(guest.settle());
            const Samples samples = read_metrics(socket);
            const std::string own = "context=\"7\",process=\"glx\\\"gears\"";
            EXPECT_EQ(sum_of(samples, "viaduct_vm_contexts"), 1);
            EXPECT_EQ(sum_of(samples, "viaduct_vm_memory_limit_bytes"), 64 << 20);
            const double memory = sum_of(samples, "viaduct_context_memory_bytes", own);
            EXPECT_GE(memory, 8192 + 4096) << "the buffer, and a page table that maps it";
            EXPECT_LE(memory, 8192 + 4 * 4096) << "one on each level";
            EXPECT_EQ(sum_of(samples, "viaduct_context_buffers", own), 1);
            const std::string command = "command=\"" + std::string(guest.facts().submission) + "\"";
            EXPECT_EQ(sum_of(samples, "viaduct_context_commands_total", command), 1);
            EXPECT_EQ(sum_of(samples, "viaduct_context_refusals_total", own), 1);
            EXPECT_GT(sum_of(samples, "viaduct_context_command_bytes_total", own), 100);
            EXPECT_EQ(sum_of(samples, "viaduct_ring_submissions_total", "ring=\"gfx.0\""), 1);
            EXPECT_EQ(sum_of(samples, "viaduct_ring_queue_depth"), 0);
            EXPECT_EQ(sum_of(samples, "viaduct_ring_latency_seconds_count"), 1);
            EXPECT_GT(sum_of(samples, "viaduct_vm_busy_seconds_total", "engine=\"gfx\""), 0);
        }
        const auto gone = [&] { return sum_of(read_metrics(socket), "viaduct_vm_contexts") == 0; };
        for (int i = 0; i < 500 && !gone(); ++i) ::usleep(10'000);
        const Samples samples = read_metrics(socket);
        EXPECT_EQ(sum_of(samples, "viaduct_vm_contexts"), 0);
        EXPECT_EQ(sum_of(samples, "viaduct_vm_memory_bytes"), 0);
        EXPECT_GT(sum_of(samples, "viaduct_vm_busy_seconds_total", "engine=\"gfx\""), 0)
            << "of contexts that have gone, too";
    }
    struct stat status {};
    EXPECT_NE(::stat(socket.c_str(), &status), 0) << "the socket stays behind";
}

/// Of the process's life, not only of one Vmm's.
double contexts_lost() {
    return sum_of(read_metrics(metrics_socket()), "viaduct_vm_contexts_lost_total");
}

TEST(Metrics, CountGpuContextsLostByAReset) {  // D15
    Vmm vmm;
    const double lost = contexts_lost();
    GuestContext faulting(vmm, 1, GuestContext::Control::kCreate, "fault");
    GuestContext other(vmm, 2);
    const GpuContext its_context = faulting.create_gpu_context();
    const GpuContext others = other.create_gpu_context();
    ASSERT_NE(faulting.submit_write(its_context, 1), 0u);
    ASSERT_NE(other.submit_write(others, 1), 0u);
    EXPECT_TRUE(faulting.fence_retires(its_context.ring));
    EXPECT_TRUE(other.fence_retires(others.ring));
    const Samples samples = read_metrics(metrics_socket());
    EXPECT_EQ(sum_of(samples, "viaduct_context_resets_total", "context=\"1\""), 1);
    EXPECT_EQ(sum_of(samples, "viaduct_context_resets_total", "context=\"2\""), 0);
    EXPECT_EQ(contexts_lost(), lost) << "its worker lives";
}

TEST(Metrics, CountContextsLostWithTheirWorkers) {
    if (!has_worker_processes()) GTEST_SKIP() << "there are no workers to kill";
    Vmm vmm;
    const double lost = contexts_lost();
    const std::string name = unique_name("dies");
    GuestContext mortal(vmm, 1, GuestContext::Control::kCreate, name), other(vmm, 2);
    ASSERT_TRUE(mortal.settle()) << "a worker killed before its first word is started again";
    ::kill(worker_of(name), SIGKILL);
    EXPECT_TRUE(eventually([&] { return contexts_lost() == lost + 1; }));
    EXPECT_TRUE(other.settle());
}

}  // namespace
}  // namespace viaduct::test
