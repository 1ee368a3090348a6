#include "drm-context/front/context_link.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <functional>
#include <thread>
#include <utility>
#include <variant>

#include "blob/memfd.h"
#include "drm-context/device/job_timeout.h"
#include "drm-context/native_context.h"
#include "tests/unit/drm-context/front/context_link_fixture.h"

namespace viaduct {
namespace {

using namespace std::chrono_literals;
using test::ContextLinkTest;
using transport::RecordType;

/// Calls a function when the next write to a page is about to happen, and then lets it happen: what
/// another process might do just then.
class BeforeWrite {
  public:
    BeforeWrite(void* page, std::function<void()> call) {
        page_ = page;
        call_ = std::move(call);
        struct sigaction action {};
        action.sa_handler = [](int) {
            ::mprotect(page_, kPageSize, PROT_READ | PROT_WRITE);
            std::exchange(call_, nullptr)();
        };
        ::sigaction(SIGSEGV, &action, &before_);
        ::mprotect(page_, kPageSize, PROT_READ);
    }
    ~BeforeWrite() { ::sigaction(SIGSEGV, &before_, nullptr); }
    static bool called() { return !call_; }

  private:
    static constexpr size_t kPageSize = 4096;
    static inline void* page_;
    static inline std::function<void()> call_;
    struct sigaction before_ {};
};

/// A worker process that hears nothing.
struct Unkillable final : WorkerHandle {
    explicit Unkillable(int& kills) : kills(kills) {}
    void kill() noexcept override { ++kills; }
    int& kills;
};

TEST_F(ContextLinkTest, AFullRingSpillsAndKeepsItsOrder) {
    constexpr uint64_t kRecords = 500;
    for (uint64_t i = 1; i <= kRecords; ++i) ASSERT_TRUE(submit(i));
    for (uint64_t i = 1; i <= kRecords;) {
        if (const uint64_t number = next_number()) {
            ASSERT_EQ(number, i++);
            continue;
        }
        ASSERT_NE(worker_.page().front_waits.load(), 0u) << "nobody told of room after " << i;
        collect();  // what the fence thread does when the worker notifies it
    }
}

TEST_F(ContextLinkTest, ADescriptorArrivesWithItsRecordAlsoFromTheBacklog) {
    while (worker_.page().front_waits.load() == 0) ASSERT_TRUE(submit(7));
    auto memory = create_sealed_memfd("test", 12345);
    ASSERT_TRUE(link_.send_call(RecordType::kAttach, transport::ResourceCall{0, 9, 0},
                                std::make_shared<const UniqueFd>(*std::move(memory))));
    uint64_t last = 0;
    for (uint64_t number = next_number(); number || last == 7; number = next_number()) {
        if (number == 0) collect();
        if (number != 0 && (last = number) != 7) break;
    }
    transport::DescriptorMessage message{};
    auto descriptor = transport::receive_message(
        worker_.socket.get(), std::as_writable_bytes(std::span(&message, 1)),
        std::chrono::steady_clock::now() + std::chrono::seconds(5));
    ASSERT_TRUE(descriptor) << descriptor.error().message;
    EXPECT_EQ(message.cookie, last);
    EXPECT_EQ(object_size(descriptor->get()).value(), 12345u);
}

TEST_F(ContextLinkTest, RoomThatAppearsJustBeforeItIsAskedForIsSeen) {
    uint64_t sent = 0;
    while (worker_.page().front_waits.load() == 0) ASSERT_TRUE(submit(++sent));
    worker_.page().front_waits = 0;  // it was told of room that was too small
    uint64_t taken = 0;
    {
        const BeforeWrite trap(front_page_, [&] {
            while (next_number() != 0) ++taken;  // nobody to tell yet
        });
        collect();
        EXPECT_TRUE(trap.called());
    }
    EXPECT_EQ(taken, sent - 1);
    EXPECT_EQ(next_number(), sent) << "its worker sleeps, and nobody comes back to it";
}

TEST_F(ContextLinkTest, WhatIsNoDescriptorIsRefusedAtOnce) {
    const auto status = link_.send_call(RecordType::kInFence, transport::FenceCall{},
                                        std::make_shared<const UniqueFd>(1 << 20));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, EBADF);
    EXPECT_TRUE(submit(1));
    EXPECT_EQ(next_number(), 1u) << "it blocks nothing";
}

TEST_F(ContextLinkTest, ADescriptorThatCannotBeSentYetIsSentLater) {
    const auto blocker = block_descriptors();
    ASSERT_TRUE(
        link_.send_call(RecordType::kAttach, transport::ResourceCall{0, 9, 0}, some_descriptor()));
    EXPECT_EQ(next_number(), 0u);
    for (int i = 0; i < blocker; ++i) receive();
    link_.check_progress(start_);
    EXPECT_EQ(next_number(), 1u);
    EXPECT_TRUE(receive()) << "and its descriptor with it";
}

TEST_F(ContextLinkTest, OneThatCannotBeSentForLongLosesTheContext) {
    block_descriptors();
    ASSERT_TRUE(
        link_.send_call(RecordType::kAttach, transport::ResourceCall{0, 9, 0}, some_descriptor()));
    pass_until(1s);
    EXPECT_TRUE(submit(1));
    pass_until(20s);
    EXPECT_FALSE(submit(1)) << "the ring is empty, but not because the worker does its work";
}

// A job of a neighbour's hangs: the kernel needs its time-out and a reset to end the wait.
TEST_F(ContextLinkTest, AWorkerInTheKernelIsSlowUntilTheKernelHasRecovered) {
    link_.set_job_timeout(60s);
    ASSERT_TRUE(submit(1));
    worker_.page().in_kernel_since = 1;
    pass_until(69s);
    EXPECT_TRUE(submit(2)) << "the ioctl would have returned";
    pass_until(73s);
    EXPECT_FALSE(submit(3)) << "nobody is waited for without an end";
}

TEST_F(ContextLinkTest, AWorkerThatWaitsForTheGpuIsSlowToo) {
    link_.set_job_timeout(60s);
    ASSERT_TRUE(submit(1));
    worker_.page().awaits_gpu_since = 1;
    pass_until(69s);
    EXPECT_TRUE(submit(2));
    worker_.page().awaits_gpu_since = 2;  // some work was done
    pass_until(130s);
    EXPECT_TRUE(submit(3));
    pass_until(145s);
    EXPECT_FALSE(submit(4));
}

TEST_F(ContextLinkTest, AWorkerThatIsNotInTheKernelIsHungSoon) {
    link_.set_job_timeout(60s);
    ASSERT_TRUE(submit(1));
    pass_until(9s);
    EXPECT_TRUE(submit(2));
    pass_until(13s);
    EXPECT_FALSE(submit(3));
}

TEST_F(ContextLinkTest, WithoutAJobTimeoutTheKernelIsWaitedForAsLongAsItTakes) {
    link_.set_job_timeout(kNoJobTimeout);
    ASSERT_TRUE(submit(1));
    worker_.page().in_kernel_since = INT64_MAX;
    pass_until(1h);
    EXPECT_TRUE(submit(2));
}

TEST_F(ContextLinkTest, AWorkerThatDoesNotEndKeepsNoFence) {
    link_.add_fence(RingIndex(1), FenceId(1));
    link_.quit();
    ASSERT_TRUE(consumer_.peek());
    consumer_.pop();
    EXPECT_FALSE(consumer_.peek());
    EXPECT_EQ(worker_.page().quit, 1u);
    link_.check_progress(start_);
    EXPECT_TRUE(collect().empty()) << "it has some time to finish";
    link_.check_progress(start_ + std::chrono::hours(1));
    ASSERT_TRUE(has_turn());
    EXPECT_EQ(collect(), std::vector<uint64_t>{1});
}

TEST_F(ContextLinkTest, AWorkerIsKilledUntilItIsGone) {
    int kills = 0;
    link_.set_worker(std::make_unique<Unkillable>(kills));
    link_.abandon();
    EXPECT_EQ(kills, 1);
    link_.check_progress(start_);
    EXPECT_EQ(kills, 2) << "the request may have been lost";
    worker_.page().exited = 1;
    collect();
    link_.check_progress(start_);
    EXPECT_EQ(kills, 2);
}

TEST_F(ContextLinkTest, AWorkerIsKilledAtItsWordWhetherTheVmmHasLetGoOrNot) {
    int kills = 0;
    link_.set_worker(std::make_unique<Unkillable>(kills));
    collect();
    EXPECT_EQ(kills, 0);
    worker_.page().asks_for_kill = 1;
    collect();
    EXPECT_EQ(kills, 1);
}

/// The VMM has let go, and the worker is killed while work of its runs. With the link goes the
/// device's file, and the slot in the account.
class ContextLinkWithUnfinishedWork : public ContextLinkTest {
  protected:
    void SetUp() override {
        ContextLinkTest::SetUp();
        link_.set_job_timeout(10s);
        link_.quit();
        transport::Reply message{};
        message.cookie = transport::kPendingWorkCookie;
        ASSERT_TRUE(transport::send_message(worker_.socket.get(),
                                            std::as_bytes(std::span(&message, 1)), work_.get()));
        worker_.socket.reset();
    }
    bool is_over() {
        std::vector<RetiredFence> out;
        return link_.collect(out);
    }

    const UniqueFd work_ = transport::create_event().value();
};

TEST_F(ContextLinkWithUnfinishedWork, StaysUntilTheKernelIsDoneWithIt) {
    EXPECT_FALSE(is_over());
    link_.check_progress(start_ + 1s);
    EXPECT_FALSE(is_over()) << "the kernel has not got the memory back";
    transport::signal_event(work_.get());
    link_.check_progress(start_ + 2s);
    EXPECT_TRUE(has_turn());
    EXPECT_TRUE(is_over());
}

TEST_F(ContextLinkWithUnfinishedWork, StaysNoLongerThanTheKernelLetsAJobRun) {
    EXPECT_FALSE(is_over());
    link_.check_progress(start_ + 1h);
    EXPECT_TRUE(is_over()) << "the descriptor is the worker's choice";
}

TEST_F(ContextLinkTest, AGuestThatOutrunsEverythingLosesItsContextOnly) {
    link_.add_fence(RingIndex(1), FenceId(42));
    Status status;
    for (int i = 0; i < 1'000'000 && status; ++i) status = submit(1, 1024);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ENOBUFS);
    EXPECT_EQ(collect(), std::vector<uint64_t>{42}) << "its fences retire";
    link_.add_fence(RingIndex(1), FenceId(43));
    EXPECT_EQ(collect(), std::vector<uint64_t>{43}) << "also those to come";
}

TEST_F(ContextLinkTest, ALargeSubmissionThatCannotBeCarriedLosesTheContext) {
    link_.add_fence(RingIndex(1), FenceId(42));
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{0, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const auto status = submit(1, kRing);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, EMFILE);
    EXPECT_FALSE(submit(2)) << "its guest would wait for the first one for ever";
    EXPECT_EQ(collect(), std::vector<uint64_t>{42});
}

TEST_F(ContextLinkTest, ASubmissionBeyondTheLargestCostsTheContext) {
    link_.add_fence(RingIndex(1), FenceId(42));
    EXPECT_TRUE(submit(1, kMaxSubmission));
    const auto refused = submit(2, kMaxSubmission + 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, E2BIG);
    EXPECT_FALSE(submit(3)) << "its guest would wait for the one before";
    EXPECT_EQ(collect(), std::vector<uint64_t>{42});
}

/// A VMM that has little patience, and a worker that does not answer.
class ImpatientLinkTest : public ContextLinkTest {
  protected:
    static constexpr auto kDeadline = 1s;  // far above what a call takes on a busy machine
    ImpatientLinkTest() : ContextLinkTest(kDeadline) {}

    static Patience::Clock::duration time_of_call(ContextLink& link) {
        const auto start = std::chrono::steady_clock::now();
        const auto answer = link.ask(RecordType::kMapSource, transport::ResourceCall{0, 1, 0});
        EXPECT_EQ(answer ? 0 : answer.error().code, ETIMEDOUT);
        return std::chrono::steady_clock::now() - start;
    }
};

TEST_F(ImpatientLinkTest, AnAnswerThatNeverComesIsWaitedForOnce) {
    EXPECT_GE(time_of_call(link_), kDeadline);
    EXPECT_LT(time_of_call(link_), kDeadline);
}

TEST_F(ImpatientLinkTest, AWaitForTheKernelIsAWait) {
    worker_.page().in_kernel_since = 1;
    EXPECT_GE(time_of_call(link_), kDeadline);
    worker_.page().in_kernel_since = 0;
    EXPECT_LT(time_of_call(link_), kDeadline);
}

TEST_F(ImpatientLinkTest, ItsVmHasOnePatienceForAllContexts) {
    time_of_call(link_);
    auto channel = transport::create_channel(kRing).value();
    const auto worker = transport::open_channel_end(std::move(channel.worker)).value();
    ContextLink other(ContextId(2), std::move(channel.front), test::device_file(), test::closer(),
                      patience_);
    test::start(other, worker.socket.get());
    const auto time = time_of_call(other);
    EXPECT_GT(time, 0ms) << "something is left for it";
    EXPECT_LT(time, kDeadline);
}

TEST_F(ImpatientLinkTest, AStartIsWaitedForOutOfTheSamePatience) {
    time_of_call(link_);
    auto channel = transport::create_channel(kRing).value();
    ContextLink next(ContextId(2), std::move(channel.front), test::device_file(), test::closer(),
                     patience_);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(next.wait_until_started(1h).error().code, ETIMEDOUT);
    EXPECT_LT(std::chrono::steady_clock::now() - start, kDeadline);
}

TEST_F(ContextLinkTest, ALateAnswerIsNotTakenForTheNext) {
    say(99, 1);  // of a call given up long ago
    say(1, 2);
    const auto answer = link_.ask(RecordType::kMapSource, transport::ResourceCall{0, 1, 0});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->reply.offset, 2u);
}

TEST_F(ContextLinkTest, AWorkerThatEndedRetiresWhatIsOut) {
    link_.add_fence(RingIndex(1), FenceId(1));
    link_.add_fence(RingIndex(2), FenceId(2));
    EXPECT_TRUE(collect().empty());
    worker_.page().exited.store(1);
    EXPECT_EQ(collect(), (std::vector<uint64_t>{1, 2}));
}

TEST_F(ContextLinkTest, AnEndThatComesWithTheAnswerIsSeen) {
    link_.add_fence(RingIndex(1), FenceId(1));
    say(1);
    worker_.socket.reset();
    ASSERT_TRUE(link_.ask(RecordType::kMapSource, transport::ResourceCall{0, 1, 0}));
    ASSERT_TRUE(has_turn());
    EXPECT_EQ(collect(), std::vector<uint64_t>{1});
}

/// A question whose answer nothing depends on, to a worker that sleeps.
class ContextLinkWithoutHurry : public ContextLinkTest {
  protected:
    void SetUp() override {
        ContextLinkTest::SetUp();
        collect();
        worker_.page().worker_sleeps = 1;
        auto asked = link_.ask_or_leave(RecordType::kCreateBlob, transport::CreateBlob{}, 0ms,
                                        [this](auto) { ++came_; });
        ASSERT_TRUE(asked);
        ASSERT_TRUE(std::holds_alternative<ContextLink::Left>(*asked));
        cookie_ = std::get<ContextLink::Left>(*asked).cookie;
        ASSERT_FALSE(is_woken(0));
        ASSERT_FALSE(has_turn());
    }
    /// Within `most` ms.
    bool is_woken(int most) {
        pollfd entry{worker_.doorbell.get(), POLLIN, 0};
        return ::poll(&entry, 1, most) > 0;
    }

    uint64_t cookie_ = 0;
    int came_ = 0;
};

TEST_F(ContextLinkWithoutHurry, TheNextRecordWakesIt) {
    EXPECT_TRUE(submit(1));
    EXPECT_TRUE(is_woken(0));
}

TEST_F(ContextLinkWithoutHurry, TheFenceThreadWakesItInTime) {
    link_.check_progress(start_);
    EXPECT_TRUE(is_woken(0));
    say(cookie_);
    link_.check_progress(start_ + check_interval());
    ASSERT_TRUE(has_turn()) << "to read what it has said";
    collect();
    EXPECT_EQ(came_, 1);
}

TEST_F(ContextLinkWithoutHurry, ACallThatWantsTheAnswerWakesIt) {
    std::thread worker([this] {
        EXPECT_TRUE(is_woken(10'000));
        say(cookie_);
    });
    EXPECT_TRUE(link_.await_late(cookie_, [this](auto) { ++came_; }));
    worker.join();
    EXPECT_EQ(came_, 1);
}

TEST_F(ContextLinkTest, AnEndBehindManyMessagesIsSeen) {
    link_.add_fence(RingIndex(1), FenceId(1));
    say(1);
    for (int i = 0; i < 150; ++i) say(99);
    worker_.socket.reset();
    ASSERT_TRUE(link_.ask(RecordType::kMapSource, transport::ResourceCall{0, 1, 0}));
    std::vector<uint64_t> retired;
    while (retired.empty() && has_turn()) retired = collect();
    EXPECT_EQ(retired, std::vector<uint64_t>{1});
}

}  // namespace
}  // namespace viaduct
