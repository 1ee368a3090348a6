// Rings of the device: what its files, also of other processes, do to one another's jobs.
#include <gtest/gtest.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <string>
#include <thread>

#include "tests/unit/simgpu/amd/kernel/injected.h"
#include "tests/unit/simgpu/other_process.h"

namespace simgpu::test {
namespace {

using std::chrono::milliseconds;

class Rings : public Injected {
  protected:
    /// Nanoseconds that fdinfo reports for an engine; 0 if it does not list it.
    static uint64_t busy_ns(Client& client, const std::string& engine) {
        const std::string text = client.file.file().fdinfo();
        const std::string key = "drm-engine-" + engine + ":\t";
        const size_t at = text.find(key);
        uint64_t time_ns = 0;
        if (at != std::string::npos)
            std::from_chars(text.data() + at + key.size(), text.data() + text.size(), time_ns);
        return time_ns;
    }
    static int submit_waiting(Client& client, uint32_t ip = AMDGPU_HW_IP_GFX, uint32_t ring = 0) {
        return client.file.submit(
            client.context, client.program.ib({kAwait, client.lo + 8, client.hi, 1}, ip, ring));
    }
    static void release(Client& client) {
        __atomic_store_n(client.data.words() + 2, 1, __ATOMIC_RELEASE);
    }
    static constexpr uint64_t kMs = 1'000'000;

    Rings() { ::setenv("VIADUCT_SIMGPU_HANG_MS", "60000", 1); }
};

TEST_F(Rings, AJobOfOneFileHoldsUpTheOthers) {
    Client a, b, c;
    ASSERT_EQ(submit_waiting(a), 0);
    ASSERT_EQ(b.count(), 0);
    ASSERT_EQ(c.count(), 0);
    EXPECT_EQ(b.file.wait(b.context, 1, 50), 1);
    EXPECT_EQ(c.file.wait(c.context, 1, 1), 1);
    release(a);
    EXPECT_EQ(b.wait_last(), 0);
    EXPECT_EQ(c.wait_last(), 0);
}

TEST_F(Rings, AJobOfAnotherProcessHoldsUpOursUntilItIsKilled) {
    (void)TestFile::default_instance();  // named after this process, for both
    OtherProcess other([] {
        auto* theirs = new Client;
        if (submit_waiting(*theirs) != 0) ::abort();
        while (busy_ns(*theirs, "gfx") == 0) std::this_thread::yield();
    });
    Client ours;
    ASSERT_EQ(ours.count(), 0);
    EXPECT_EQ(ours.file.wait(ours.context, 1, 50), 1);
    other.kill();
    EXPECT_EQ(ours.wait_last(), 0);
}

TEST_F(Rings, AJobSlowedDownBeyondItsTimeOutlivesItsProcessLikeAHungOne) {
    (void)TestFile::default_instance();
    ::setenv("VIADUCT_SIMGPU_HANG_MS", "1500", 1);
    const auto start = std::chrono::steady_clock::now();
    OtherProcess other([this] {
        auto* theirs = new Client;
        inject("slow:ms=100000:nth=1");
        if (theirs->count() != 0) ::abort();
        while (busy_ns(*theirs, "gfx") == 0) std::this_thread::yield();
        std::this_thread::sleep_for(milliseconds(100));  // from the hand-over to the execution
    });
    Client ours;
    ASSERT_EQ(ours.count(), 0);
    EXPECT_EQ(ours.file.wait(ours.context, 1, 1), 1);
    other.kill();
    EXPECT_EQ(ours.wait_last(), 0);
    EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(1500));
}

TEST_F(Rings, TimeIsCountedFromTheHandOverAndCorrectedWhenThePredecessorEnds) {
    Client a, b;
    ASSERT_EQ(submit_waiting(a), 0);
    ASSERT_EQ(submit_waiting(b), 0);
    std::this_thread::sleep_for(milliseconds(500));
    EXPECT_GE(busy_ns(a, "gfx"), 400 * kMs);
    const uint64_t overlapping = busy_ns(b, "gfx");
    EXPECT_GE(overlapping, 400 * kMs) << "though it only waits on the ring";
    release(b);
    release(a);
    ASSERT_EQ(a.wait_last(), 0);
    ASSERT_EQ(b.wait_last(), 0);
    std::this_thread::sleep_for(milliseconds(5));
    EXPECT_LT(busy_ns(b, "gfx"), overlapping) << "its own time only: the counter goes back";
    EXPECT_EQ(busy_ns(b, "compute"), 0u);
}

TEST_F(Rings, TimesOfSeveralComputeRingsAddUp) {
    Client a;
    for (uint32_t ring = 0; ring < 4; ++ring)
        ASSERT_EQ(submit_waiting(a, AMDGPU_HW_IP_COMPUTE, ring), 0);
    std::this_thread::sleep_for(milliseconds(50));
    EXPECT_GE(busy_ns(a, "compute"), 4 * 50 * kMs);
    release(a);
}

TEST_F(Rings, AnIdleQueueGoesToTheRingWithTheLeastToDo) {
    Client a, b;
    ASSERT_EQ(submit_waiting(a, AMDGPU_HW_IP_COMPUTE, 0), 0);
    ASSERT_EQ(b.count(AMDGPU_HW_IP_COMPUTE), 0) << "of the same number";
    EXPECT_EQ(b.wait_last(AMDGPU_HW_IP_COMPUTE), 0);
    release(a);
}

}  // namespace
}  // namespace simgpu::test
