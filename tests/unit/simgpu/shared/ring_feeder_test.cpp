// One hardware ring and those who feed it.
#include "simgpu/shared/ring_feeder.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <fstream>
#include <thread>

#include "simgpu/clock.h"
#include "simgpu/shared/residence.h"
#include "simgpu/shared/segment.h"
#include "tests/unit/simgpu/amd/kernel/test_file.h"
#include "tests/unit/simgpu/other_process.h"

namespace simgpu::shared {
namespace {

using test::OtherProcess;
using Place = RingFeeder::Place;

constexpr std::array<uint64_t, kHeaps> kNoLimits{};
constexpr uint64_t kResetNs = 50'000'000;

std::shared_ptr<SharedDevice> attach_unlimited(const std::string& name) {
    return SharedDevice::attach(name, kNoLimits).value();
}

class Feeders : public ::testing::Test {
  protected:
    const std::string name = "viaduct-simgpu-unit-" + test::unique_instance();
    const std::shared_ptr<SharedDevice> device = attach_unlimited(name);
    RingFeeder a{device, 0}, b{device, 0}, c{device, 0}, elsewhere{device, 1};

    /// Another process holds a place on ring 0, running.
    OtherProcess neighbour() {
        return OtherProcess([this] {
            auto* feeder = new RingFeeder(attach_unlimited(name), 0);
            if (const auto place = feeder->try_enter(0, 1)) feeder->try_run(*place);
        });
    }
};

TEST_F(Feeders, ARingTakesTwoJobsAndExecutesTheOlder) {
    const auto first = a.try_enter(0, 1), second = a.try_enter(0, 2);
    ASSERT_TRUE(first && second);
    EXPECT_FALSE(b.try_enter(0, 3));
    EXPECT_TRUE(elsewhere.try_enter(0, 3)) << "another ring";
    EXPECT_FALSE(a.try_run(*second));
    EXPECT_TRUE(a.try_run(*first));
    a.leave(*first, monotonic_ns());
    EXPECT_TRUE(a.try_run(*second));
    EXPECT_TRUE(b.try_enter(0, 3));
}

TEST_F(Feeders, PriorityDecidesThenTheTimeOfSubmission) {
    const auto first = a.try_enter(0, 1), second = a.try_enter(0, 2);
    ASSERT_TRUE(first && second);
    EXPECT_FALSE(a.try_enter(-512, 3));
    EXPECT_FALSE(b.try_enter(0, 5));
    EXPECT_FALSE(c.try_enter(0, 4));
    EXPECT_EQ(a.waiting(), 3u);
    a.leave(*first, 10);
    EXPECT_FALSE(a.try_enter(-512, 3)) << "submitted first, with a lower priority";
    EXPECT_FALSE(b.try_enter(0, 5)) << "submitted later";
    EXPECT_TRUE(c.try_enter(0, 4));
    a.leave(*second, 11);
    EXPECT_FALSE(a.try_enter(-512, 3));
    b.withdraw();
    EXPECT_TRUE(a.try_enter(-512, 3)) << "nobody is before it any more";
}

TEST_F(Feeders, AHungJobOutlivesItsProcess) {
    // Long enough for a fork on a machine with other things to do.
    const uint64_t until_ns = monotonic_ns() + 1'000'000'000;
    OtherProcess other([&] {
        auto* feeder = new RingFeeder(attach_unlimited(name), 0);
        const auto place = feeder->try_enter(0, 1);
        if (place && feeder->try_run(*place)) feeder->hang_until(*place, until_ns);
    });
    const auto place = a.try_enter(0, 2);
    ASSERT_TRUE(place);
    other.kill();
    const uint32_t resets = device->reset_count();
    for (int i = 0; i < 1000 && !a.try_run(*place); ++i) a.wait(a.events());
    EXPECT_TRUE(a.try_run(*place));
    EXPECT_GE(monotonic_ns(), until_ns) << "the time-out finds it, not its owner's death";
    EXPECT_EQ(device->reset_count(), resets + 1);
    EXPECT_GE(a.scheduled_ns(*place), until_ns) << "the time of the dead one's job is not ours";
}

TEST_F(Feeders, ACancelledJobWhoseProcessDiesGivesItsPlaceBackAtOnce) {
    OtherProcess other([&] {
        auto* feeder = new RingFeeder(attach_unlimited(name), 0);
        if (const auto place = feeder->try_enter(0, 1))
            feeder->hang_until(*place, monotonic_ns() + 60'000'000'000);
    });
    const auto bad = elsewhere.try_enter(0, 2);
    ASSERT_TRUE(bad);
    EXPECT_TRUE(elsewhere.recover(*bad, Recovery::kFull, 0));
    elsewhere.leave(*bad, monotonic_ns());
    EXPECT_FALSE(a.try_enter(0, 3)) << "what was cancelled has not left";
    other.kill();
    EXPECT_EQ(device->used(Heap::kVram), 0u) << "notices that it has died";
    EXPECT_TRUE(a.try_enter(0, 3));
    EXPECT_EQ(device->reset_count(), 1u);
}

TEST_F(Feeders, AProcessThatDiesGivesItsPlacesBack) {
    OtherProcess other = neighbour();
    const auto place = a.try_enter(0, 2);
    ASSERT_TRUE(place);
    EXPECT_FALSE(a.try_run(*place));
    EXPECT_FALSE(b.try_enter(0, 3));
    const uint64_t killed_ns = monotonic_ns();
    other.kill();
    for (int i = 0; i < 1000 && !a.try_run(*place); ++i) a.wait(a.events());
    EXPECT_TRUE(a.try_run(*place));
    EXPECT_GE(a.scheduled_ns(*place), killed_ns) << "the time of the dead one's job is not ours";
    EXPECT_TRUE(b.try_enter(0, 3));
}

/// Has this process end by SIGSEGV when it writes to the table of buffers.
void protect_residents(const std::string& name) {
    std::signal(SIGSEGV, SIG_DFL);
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        if (line.find(name) == std::string::npos) continue;
        const auto page = static_cast<uintptr_t>(::getpagesize());
        const uintptr_t start = std::stoull(line, nullptr, 16) + offsetof(Segment, residents);
        const uintptr_t first = (start + page - 1) & ~(page - 1);
        ::mprotect(reinterpret_cast<void*>(first), page, PROT_READ);
    }
}

TEST_F(Feeders, WhatADeadProcessHeldIsReclaimedEvenIfTheReclaimerDiesMeanwhile) {
    OtherProcess victim([this] {
        auto* own = new auto(attach_unlimited(name));
        // Enough to reach the page that protect_residents() protects.
        const size_t buffers = 2 * static_cast<size_t>(::getpagesize()) / sizeof(Resident);
        for (size_t i = 0; i < buffers; ++i) Residence::create_group(*own).release();
        auto* feeder = new RingFeeder(*own, 0);
        feeder->try_enter(0, 1);
        feeder->try_enter(0, 2);
    });
    EXPECT_FALSE(a.try_enter(0, 3));
    const pid_t reclaimer = ::fork();
    if (reclaimer == 0) {
        const auto own = attach_unlimited(name);
        protect_residents(name);
        ::alarm(20);
        for (victim.kill();;) own->used(Heap::kSystem);
    }
    int status = 0;
    ::waitpid(reclaimer, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) << status;
    EXPECT_EQ(device->used(Heap::kSystem), 0u) << "notices who has died";
    EXPECT_TRUE(a.try_enter(0, 3));
    EXPECT_TRUE(a.try_enter(0, 4));
    victim.kill();
}

TEST_F(Feeders, TimeOnTheHardwareIsCountedFromThePredecessorsEnd) {
    const auto first = a.try_enter(0, 1), second = b.try_enter(0, 2);
    ASSERT_TRUE(first && second);
    const uint64_t handed_over = b.scheduled_ns(*second);
    const uint64_t end = monotonic_ns() + 1000;
    EXPECT_GE(a.leave(*first, end), 1000u);
    EXPECT_GT(end, handed_over);
    EXPECT_EQ(b.scheduled_ns(*second), end);
    EXPECT_EQ(b.leave(*second, end + 5), 5u);
}

TEST_F(Feeders, ASoftRecoveryOnlyCounts) {
    const auto bad = a.try_enter(0, 1), next = b.try_enter(0, 2);
    ASSERT_TRUE(bad && next);
    EXPECT_TRUE(a.recover(*bad, Recovery::kSoft, kResetNs));
    EXPECT_EQ(device->reset_count(), 1u);
    EXPECT_EQ(device->vram_loss_count(), 0u);
    EXPECT_EQ(a.error(*bad), 0);
    EXPECT_EQ(b.error(*next), 0);
}

TEST_F(Feeders, ARingResetCancelsWhatTheRingHolds) {
    const auto bad = a.try_enter(0, 1), next = b.try_enter(0, 2);
    const auto other = elsewhere.try_enter(0, 3);
    ASSERT_TRUE(bad && next && other);
    EXPECT_TRUE(a.recover(*bad, Recovery::kRing, kResetNs));
    EXPECT_EQ(device->reset_count(), 1u);
    EXPECT_EQ(b.error(*next), -ECANCELED);
    EXPECT_TRUE(b.stop(*next));
    EXPECT_EQ(elsewhere.error(*other), 0);
    EXPECT_FALSE(b.try_run(*next)) << "cancelled";
    a.leave(*bad, 1);
    EXPECT_FALSE(c.try_enter(0, 4)) << "not before all that was cancelled has left";
    b.leave(*next, 1);
    EXPECT_TRUE(c.try_enter(0, 4));
}

TEST_F(Feeders, AFullResetCancelsEveryRingAndTakesItsTime) {
    const auto bad = a.try_enter(0, 1);
    const auto victim = elsewhere.try_enter(0, 3);
    ASSERT_TRUE(bad && victim);
    ASSERT_TRUE(elsewhere.try_run(*victim));
    const uint64_t start = monotonic_ns();
    std::thread recovery([&] { EXPECT_TRUE(a.recover(*bad, Recovery::kFull, kResetNs)); });
    while (!elsewhere.stop(*victim)) std::this_thread::yield();
    EXPECT_TRUE(device->resetting());
    EXPECT_FALSE(elsewhere.usable());
    EXPECT_FALSE(b.try_enter(0, 4)) << "nothing is handed over meanwhile";
    std::this_thread::sleep_for(std::chrono::nanoseconds(2 * kResetNs));
    EXPECT_TRUE(device->resetting()) << "it waits until the victim has stopped";
    elsewhere.stopped(*victim);
    recovery.join();
    EXPECT_GE(monotonic_ns() - start, kResetNs);
    EXPECT_FALSE(device->resetting());
    EXPECT_EQ(elsewhere.error(*victim), -ECANCELED);
    a.leave(*bad, 1);
    EXPECT_TRUE(b.try_enter(0, 4));
}

TEST_F(Feeders, ALossOfVramIsCountedAndEveryWatcherHeard) {
    std::atomic<int> cleared = 0;
    const auto watch = device->watch_vram([&] { ++cleared; });
    EXPECT_EQ(device->watch_vram([&] { cleared += 100; }), watch) << "one per process";
    const auto bad = a.try_enter(0, 1);
    ASSERT_TRUE(bad);
    EXPECT_TRUE(a.recover(*bad, Recovery::kVramLost, kResetNs));
    EXPECT_EQ(cleared, 1);
    EXPECT_EQ(device->vram_loss_count(), 1u);
    EXPECT_EQ(device->reset_count(), 1u);
}

TEST_F(Feeders, ALossOfVramWaitsForAWatcherThatCameWhileTheLastOneWent) {
    std::atomic<bool> clearing = false, proceed = false, cleared = false;
    auto old = device->watch_vram([&] {
        clearing = true;
        while (!proceed) std::this_thread::yield();
    });
    const std::weak_ptr<void> old_going = old;
    const auto lose_vram = [this] {
        const auto bad = a.try_enter(0, 1);
        ASSERT_TRUE(bad);
        EXPECT_TRUE(a.recover(*bad, Recovery::kVramLost, 0));
        a.leave(*bad, monotonic_ns());
    };
    std::thread first(lose_vram);
    while (!clearing) std::this_thread::yield();
    std::thread closer([&] { old.reset(); });
    while (!old_going.expired()) std::this_thread::yield();
    const auto young = device->watch_vram([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        cleared = true;
    });
    proceed = true;
    closer.join();
    first.join();
    lose_vram();
    EXPECT_TRUE(cleared);
}

TEST_F(Feeders, OfTwoRecoveriesTheSecondFindsItsJobCancelled) {
    const auto bad = a.try_enter(0, 1), worse = elsewhere.try_enter(0, 2);
    ASSERT_TRUE(bad && worse);
    std::thread recovery([&] { EXPECT_TRUE(a.recover(*bad, Recovery::kFull, kResetNs)); });
    while (!device->resetting()) std::this_thread::yield();
    EXPECT_FALSE(elsewhere.recover(*worse, Recovery::kRing, kResetNs));
    recovery.join();
    EXPECT_EQ(device->reset_count(), 1u);
}

TEST_F(Feeders, ARecoveryEndsWithTheProcessThatMadeIt) {
    OtherProcess other([this] {
        auto* feeder = new RingFeeder(attach_unlimited(name), 0);
        const auto place = feeder->try_enter(0, 1);
        std::thread([feeder, place] {
            feeder->recover(*place, Recovery::kFull, 3'600'000'000'000);
        }).detach();
    });
    while (!device->resetting()) std::this_thread::yield();
    other.kill();
    for (int i = 0; i < 1000 && !a.usable(); ++i) a.wait(a.events());
    EXPECT_TRUE(a.try_enter(0, 2));
}

}  // namespace
}  // namespace simgpu::shared
