// A worker whose guest sends it requests without its front.
#include <gtest/gtest.h>

#include <random>

#include "tests/support/guest_ring_writer.h"
#include "tests/unit/drm-context/worker/worker_with_jobs.h"

namespace viaduct {
namespace {

using namespace std::chrono_literals;
using test::WorkerWithJobs;

class WorkerWithAGuestRing : public WorkerWithJobs {
  protected:
    explicit WorkerWithAGuestRing(const char* name = "quick")
        : WorkerWithJobs(name, 2 * test::GuestRingWriter::kBytes) {
        guest_.set_used();
        wake();  // and wait until all has been executed that came through the front
        EXPECT_TRUE(eventually([&] { return front_.page().retired[0] == wakes_; }));
    }

    /// Through the front, after all that was sent so far.
    void wake() {
        const transport::FenceCall call{0, ++wakes_, 0, 0};
        send(transport::RecordType::kFence, std::as_bytes(std::span(&call, 1)));
    }
    /// As a guest does: the worker is woken only where it says that it sleeps.
    void write(std::span<const std::byte> requests) {
        guest_.write(requests);
        if (!guest_.host_is_awake()) wake();
    }
    template <typename Condition>
    bool eventually(Condition condition) const {
        const transport::Deadline end = deadline();  // of each wait: some tests have thousands
        while (!condition() && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(100us);
        return condition();
    }
    bool taken() const { return guest_.tail() == guest_.head(); }

    const test::GuestRingWriter guest_{control_.bytes(), kArea};
    uint64_t wakes_ = 0;
};

TEST_F(WorkerWithAGuestRing, ExecutesWhatIsThereAndShowsItsEndWithoutAFence) {
    for (uint32_t number = 10; number < 15; ++number) {
        write(job(number).bytes());
        EXPECT_TRUE(eventually([&] { return shown_finished() == number; })) << number;
    }
    EXPECT_EQ(front_.page().retired[kRing], 0u);
    EXPECT_EQ(ring_counters().submissions, 5u);
}

// Otherwise a program that looks for it would do so for ever.
TEST_F(WorkerWithAGuestRing, ShowsTheEndOfWhatTheKernelRefused) {
    Job refused = job(10);
    refused.head.ctx_id = 99;
    write(refused.bytes());
    EXPECT_TRUE(eventually([&] { return shown_finished() == 10; }));
    EXPECT_EQ(ring_counters().submissions, 0u);
}

TEST_F(WorkerWithAGuestRing, TakesNothingBackFromARecordOfTheFront) {
    EXPECT_TRUE(eventually([&] { return !guest_.host_is_awake(); }));
    std::atomic<bool> stop = false;
    std::thread toggles([&] {
        const uint32_t tail = guest_.tail();
        while (!stop) {
            guest_.head() = tail + 8;
            guest_.head() = tail;
        }
    });
    for (uint64_t i = 1; i <= 50; ++i) {
        send_fence(i);
        EXPECT_TRUE(eventually([&] { return front_.page().retired[kRing] == i; })) << i;
    }
    stop = true;
    toggles.join();
}

TEST_F(WorkerWithAGuestRing, SaysWhenItSleeps) {
    EXPECT_TRUE(eventually([&] { return !guest_.host_is_awake(); }));
    guest_.write(job(10).bytes());
    std::this_thread::sleep_for(20ms);
    EXPECT_FALSE(taken()) << "it said that it would not look";
    wake();
    EXPECT_TRUE(eventually([&] { return shown_finished() == 10; }));
}

// A guest that is told neither waits for ever.
TEST_F(WorkerWithAGuestRing, NeverSleepsOverARequestThatSawItAwake) {
    std::mt19937 random(1);
    for (uint32_t number = 1; number <= 3000; ++number) {
        write(job(number).bytes());
        ASSERT_TRUE(eventually([&] { return shown_finished() == number; })) << number;
        // Around the time at which it falls asleep.
        for (auto pause = random() % 20'000; pause > 0; --pause)
            std::atomic_signal_fence(std::memory_order_seq_cst);
    }
}

TEST_F(WorkerWithAGuestRing, TakesItBeforeWhatTheFrontSendsLater) {
    for (uint32_t number = 10; number < 200; ++number) {
        guest_.write(job(number).bytes());
        if (number % 3 == 0) {
            wait_for_fence(number);
            ASSERT_EQ(shown_finished(), number) << "the fence stands for all before it";
        }
    }
}

// The front has it still: it wakes the worker, which meanwhile sleeps.
TEST_F(WorkerWithAGuestRing, TakesNothingAheadOfTheRequestThatItFollows) {
    for (uint32_t number = 10; number < 40; number += 3) {
        guest_.write(job(number + 1).bytes(), number);
        guest_.write(job(number + 2).bytes(), number);
        wake();
        EXPECT_TRUE(eventually([&] { return !guest_.host_is_awake(); }));
        EXPECT_FALSE(taken());
        send(transport::RecordType::kSubmit, job(number).bytes());
        EXPECT_TRUE(eventually([&] { return shown_finished() == number + 2; })) << number;
    }
    EXPECT_EQ(ring_counters().submissions, 30u);
}

TEST_F(WorkerWithAGuestRing, EndsAlthoughARequestIsStillToFollow) {
    guest_.write(job(10).bytes(), 9);
    wake();
    quit();
    EXPECT_TRUE(ends());
    EXPECT_EQ(ring_counters().submissions, 0u);
}

// A front waits for some of its records, however much its guest sends meanwhile.
TEST_F(WorkerWithAGuestRing, AFloodDoesNotKeepTheFrontWaiting) {
    std::atomic<bool> stop = false;
    std::thread flood([&] {
        while (!stop)
            if (guest_.head() - guest_.tail() < test::GuestRingWriter::kBytes / 2)
                guest_.write(job(10).bytes());
    });
    for (int i = 0; i < 20; ++i) EXPECT_NE(ask_for_a_blob(), ETIMEDOUT);
    quit();
    EXPECT_TRUE(ends()) << "nor at the end";
    stop = true;
    flood.join();
}

TEST_F(WorkerWithAGuestRing, NonsenseIsNoHarmToWhatTheFrontSends) {
    guest_.head() = 12;
    wake();
    wait_for_fence(1);
    EXPECT_FALSE(guest_.host_is_awake());
    submit_job();
    wait_for_fence(2);
    EXPECT_EQ(shown_finished(), kSubmission);
}

class WorkerWithASlowGuestRing : public WorkerWithAGuestRing {
  protected:
    WorkerWithASlowGuestRing() : WorkerWithAGuestRing("slow") {}
};

// As for submissions of the front, the 33rd of which the kernel would sleep for.
TEST_F(WorkerWithASlowGuestRing, NeverHasMoreUnderWayThanTheKernelTakesWithoutBlocking) {
    for (uint32_t number = 1; number <= 60; ++number) write(job(number).bytes());
    uint64_t most = 0;
    while (ring_counters().submissions < 60 && std::chrono::steady_clock::now() < end_) {
        most = std::max(most, under_way());
        std::this_thread::sleep_for(1ms);
    }
    EXPECT_LT(most, 32u);
    EXPECT_GT(most, 16u);
    EXPECT_TRUE(eventually([&] { return shown_finished() == 60; }));
}

TEST_F(WorkerWithASlowGuestRing, FinishesWhatIsThereWhenItIsToEnd) {
    for (uint32_t number = 1; number <= 30; ++number) guest_.write(job(number).bytes());
    quit();
    EXPECT_TRUE(ends());
    EXPECT_EQ(ring_counters().completed, 30u);
}

}  // namespace
}  // namespace viaduct
