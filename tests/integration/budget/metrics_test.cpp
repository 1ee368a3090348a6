// The figures of a VMM, as a reader of its socket sees them.
#include "tests/integration/budget/metrics.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/abi/vmm.h"

namespace viaduct::test {
namespace {

TEST(Metrics, FollowAContextsLife) {
    const char* place = std::getenv("VIADUCT_METRICS");
    ASSERT_NE(place, nullptr);
    const std::string socket = place + std::string_view("unix:").size();
    {
        Vmm vmm;
        {
            GuestContext guest(vmm, 7, GuestContext::Control::kCreate, "glx\"gears");
            ASSERT_NE(guest.submit_write(guest.create_gpu_context(), 1), 0u);
            ASSERT_TRUE(guest.fence_retires(1));
            ASSERT_EQ(guest.create_buffer(1 << 30), 0u);
            ASSERT_TRUE(guest.settle());
            const Samples samples = read_metrics(socket);
            const std::string own = "context=\"7\",process=\"glx\\\"gears\"";
            EXPECT_EQ(sum_of(samples, "viaduct_vm_contexts"), 1);
            EXPECT_EQ(sum_of(samples, "viaduct_vm_memory_limit_bytes"), 64 << 20);
            EXPECT_EQ(sum_of(samples, "viaduct_context_memory_bytes", own), 8192);
            EXPECT_EQ(sum_of(samples, "viaduct_context_buffers", own), 1);
            EXPECT_EQ(sum_of(samples, "viaduct_context_commands_total", "command=\"CS_SUBMIT\""),
                      1);
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

}  // namespace
}  // namespace viaduct::test
