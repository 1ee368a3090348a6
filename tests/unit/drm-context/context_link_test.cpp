#include "drm-context/front/context_link.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <functional>
#include <thread>
#include <utility>

#include "base/log.h"
#include "blob/memfd.h"
#include "drm-context/device/job_timeout.h"
#include "drm-context/native_context.h"
#include "drm-context/transport/command_ring.h"
#include "tests/unit/drm-context/link_parts.h"

namespace viaduct {
namespace {

using namespace std::chrono_literals;
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

/// A link and, as its worker, the test.
class ContextLinkTest : public ::testing::Test {
  protected:
    static constexpr uint64_t kRing = 4096;

    explicit ContextLinkTest(Patience::Clock::duration deadline = 1h)
        : patience_(test::patience(deadline)) {}
    void SetUp() override { test::start(link_, worker_.socket.get()); }

    std::vector<uint64_t> collect() {
        std::vector<RetiredFence> out;
        link_.collect(out);
        std::vector<uint64_t> ids;
        for (const RetiredFence& fence : out) ids.push_back(fence.fence_id.value());
        return ids;
    }
    /// True if the fence thread would take another turn.
    bool has_turn() {
        pollfd entry{link_.notify_fd(), POLLIN, 0};
        return ::poll(&entry, 1, 0) > 0;
    }
    void say(uint64_t cookie, uint64_t offset = 0) {
        transport::Reply reply{};
        reply.cookie = cookie;
        reply.offset = offset;
        ASSERT_TRUE(
            transport::send_message(worker_.socket.get(), std::as_bytes(std::span(&reply, 1)), -1));
    }
    /// The front's socket takes no more. The value: how many messages it holds.
    int block_descriptors() {
        const transport::DescriptorMessage message{99};
        int sent = 0;
        while (
            transport::send_message(link_.socket_fd(), std::as_bytes(std::span(&message, 1)), -1))
            ++sent;
        return sent;
    }
    /// The descriptor of the next message to the worker.
    UniqueFd receive() {
        transport::DescriptorMessage message{};
        auto descriptor = transport::receive_message(
            worker_.socket.get(), std::as_writable_bytes(std::span(&message, 1)), {});
        EXPECT_TRUE(descriptor);
        return descriptor ? *std::move(descriptor) : UniqueFd();
    }
    static SharedFd some_descriptor() {
        return std::make_shared<const UniqueFd>(create_sealed_memfd("test", 1).value());
    }
    /// The fence thread looks after the link from time to time until then.
    void pass_until(std::chrono::steady_clock::duration since_start) {
        for (; passed_ < since_start; passed_ += check_interval())
            link_.check_progress(start_ + passed_);
    }
    Status submit(uint64_t number, size_t size = 256) {
        std::vector<std::byte> bytes(size);
        std::memcpy(bytes.data(), &number, sizeof(number));
        return link_.send(RecordType::kSubmit, bytes, {});
    }
    /// The number in the next record; 0 if there is none.
    uint64_t next_number() {
        const auto record = consumer_.peek();
        if (!record) return 0;
        uint64_t number = 0;
        std::memcpy(&number, record->payload.data(), sizeof(number));
        consumer_.pop();
        return number;
    }

    transport::Channel channel_ = transport::create_channel(kRing).value();
    void* const front_page_ = channel_.front.memory.data();
    transport::ChannelEnd worker_ = transport::open_channel_end(std::move(channel_.worker)).value();
    transport::RingConsumer consumer_{worker_.page(), worker_.ring_bytes()};
    const std::shared_ptr<Patience> patience_;
    ContextLink link_{ContextId(1), std::move(channel_.front), test::device_file(), test::closer(),
                      patience_};
    const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::duration passed_{0};
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
    EXPECT_TRUE(link_.add_fence(1, FenceId(1)));
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
    EXPECT_TRUE(link_.add_fence(1, FenceId(42)));
    Status status;
    for (int i = 0; i < 1'000'000 && status; ++i) status = submit(1, 1024);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ENOBUFS);
    EXPECT_EQ(collect(), std::vector<uint64_t>{42}) << "its fences retire";
    EXPECT_TRUE(link_.add_fence(1, FenceId(43)));
    EXPECT_EQ(collect(), std::vector<uint64_t>{43}) << "also those to come";
}

TEST_F(ContextLinkTest, ALargeSubmissionThatCannotBeCarriedLosesTheContext) {
    EXPECT_TRUE(link_.add_fence(1, FenceId(42)));
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
    EXPECT_TRUE(link_.add_fence(1, FenceId(42)));
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
    EXPECT_TRUE(link_.add_fence(1, FenceId(1)));
    EXPECT_TRUE(link_.add_fence(2, FenceId(2)));
    EXPECT_TRUE(collect().empty());
    worker_.page().exited.store(1);
    EXPECT_EQ(collect(), (std::vector<uint64_t>{1, 2}));
}

TEST_F(ContextLinkTest, AnEndThatComesWithTheAnswerIsSeen) {
    EXPECT_TRUE(link_.add_fence(1, FenceId(1)));
    say(1);
    worker_.socket.reset();
    ASSERT_TRUE(link_.ask(RecordType::kMapSource, transport::ResourceCall{0, 1, 0}));
    ASSERT_TRUE(has_turn());
    EXPECT_EQ(collect(), std::vector<uint64_t>{1});
}

TEST_F(ContextLinkTest, AnEndBehindManyMessagesIsSeen) {
    EXPECT_TRUE(link_.add_fence(1, FenceId(1)));
    say(1);
    for (int i = 0; i < 150; ++i) say(99);
    worker_.socket.reset();
    ASSERT_TRUE(link_.ask(RecordType::kMapSource, transport::ResourceCall{0, 1, 0}));
    std::vector<uint64_t> retired;
    while (retired.empty() && has_turn()) retired = collect();
    EXPECT_EQ(retired, std::vector<uint64_t>{1});
}

/// A link whose worker is still being started, perhaps because its GPU sleeps.
class StartingLinkTest : public ContextLinkTest {
  protected:
    void SetUp() override {}
    static auto in(std::chrono::milliseconds time) {
        return std::chrono::steady_clock::now() + time;
    }
};

TEST_F(StartingLinkTest, TakesCommandsThatItsWorkerGetsLater) {
    EXPECT_EQ(link_.wait_until_started(20ms).error().code, ETIMEDOUT);
    EXPECT_TRUE(submit(1));
    ASSERT_TRUE(
        link_.send_call(RecordType::kAttach, transport::ResourceCall{0, 9, 0}, some_descriptor()));
    EXPECT_TRUE(submit(3));
    test::start(link_, worker_.socket.get());
    EXPECT_TRUE(link_.wait_until_started(20ms));
    EXPECT_EQ(next_number(), 1u);
    EXPECT_EQ(next_number(), 1u) << "the attachment, by its cookie";
    EXPECT_TRUE(receive()) << "its descriptor is the first that the worker is sent";
    EXPECT_EQ(next_number(), 3u);
}

TEST_F(StartingLinkTest, ItsGpuMayTakeLongerThanTheWatchdogWaits) {
    EXPECT_TRUE(submit(1));
    link_.check_progress(start_);
    link_.check_progress(start_ + std::chrono::hours(1));
    EXPECT_TRUE(submit(2));
}

class ImpatientStartingLinkTest : public ContextLinkTest {
  protected:
    ImpatientStartingLinkTest() : ContextLinkTest(200ms) {}
    void SetUp() override {}
};

TEST_F(ImpatientStartingLinkTest, ACallWaitsForTheStartAndNoLongerThanForAnAnswer) {
    const auto answer = link_.ask(RecordType::kMapSource, transport::ResourceCall{0, 1, 0});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ETIMEDOUT);
    EXPECT_EQ(next_number(), 0u) << "nobody must answer it later";
}

TEST_F(StartingLinkTest, AFailureGoesToWhoWaitsForIt) {
    std::thread starter([this] {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        link_.fail_start({ENODEV, "no GPU"});
    });
    const auto started = link_.wait_until_started(10s);
    starter.join();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().message, "no GPU");
}

TEST_F(StartingLinkTest, AFailureBeforeAnybodyWaitsIsLeftToTheOneWhoWill) {
    std::vector<std::string> lines;
    set_log_sink([&](LogLevel, std::string_view text) { lines.emplace_back(text); });
    link_.fail_start({ENODEV, "no GPU"});
    const auto started = link_.wait_until_started(20ms);
    set_log_sink({});
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().message, "no GPU");
    EXPECT_EQ(lines, std::vector<std::string>{}) << "the caller reports it";
}

TEST_F(StartingLinkTest, AFailureThatComesLateLosesTheContext) {
    EXPECT_TRUE(link_.add_fence(1, FenceId(42)));
    EXPECT_TRUE(collect().empty());
    EXPECT_EQ(link_.wait_until_started(20ms).error().code, ETIMEDOUT);
    link_.fail_start({ENODEV, "no GPU"});
    EXPECT_EQ(collect(), std::vector<uint64_t>{42});
    EXPECT_EQ(submit(1).error().code, ENOBUFS);
}

/// A thread that runs until it is told to sleep.
class BusyThread final {
  public:
    BusyThread() { id_.wait(0); }
    ~BusyThread() {
        busy_ = false;
        ended_ = true;
        ended_.notify_one();
        thread_.join();
    }
    pid_t id() const { return id_; }
    /// Returns once it sleeps.
    void sleep() {
        busy_ = false;
        while (thread_use(::getpid(), id_)->runnable) std::this_thread::yield();
    }

  private:
    void run() {
        id_ = static_cast<pid_t>(::syscall(SYS_gettid));
        id_.notify_one();
        while (busy_) {
        }
        ended_.wait(false);
    }

    std::atomic<pid_t> id_ = 0;
    std::atomic<bool> busy_ = true, ended_ = false;
    std::thread thread_{&BusyThread::run, this};
};

/// A worker that is a thread.
struct ThreadWorker final : WorkerHandle {
    explicit ThreadWorker(pid_t id) : id(id) {}
    pid_t thread_id() const override { return id; }
    const pid_t id;
};

// A minute passes in no time here: the thread runs for some milliseconds of it.
TEST_F(StartingLinkTest, AWorkerThatHadNoTimeOnAProcessorIsNotHung) {
    BusyThread thread;
    link_.expect_worker();
    test::start(link_, worker_.socket.get(), std::make_unique<ThreadWorker>(thread.id()));
    ASSERT_TRUE(submit(1));
    pass_until(60s);
    EXPECT_TRUE(submit(2));
    thread.sleep();
    pass_until(75s);
    EXPECT_FALSE(submit(3)) << "it sleeps, and has commands";
}

TEST_F(StartingLinkTest, AWorkerThatDiesBeforeItsFirstWordIsReplacedUnnoticed) {
    EXPECT_TRUE(submit(1));
    EXPECT_TRUE(link_.add_fence(1, FenceId(42)));
    worker_.page().exited = 1;
    worker_.socket.reset();
    EXPECT_TRUE(collect().empty());
    EXPECT_EQ(link_.wait_for_first_word(in(20ms)).error().code, EPIPE);

    auto sockets = transport::create_control_sockets().value();
    ASSERT_TRUE(link_.replace_socket(std::move(sockets.first)));
    worker_.socket = std::move(sockets.second);
    test::start(link_, worker_.socket.get());
    EXPECT_TRUE(link_.wait_until_started(20ms));
    EXPECT_TRUE(collect().empty()) << "the context lives";
    EXPECT_EQ(next_number(), 1u);
    say(1);
    EXPECT_TRUE(link_.ask(RecordType::kMapSource, transport::ResourceCall{0, 1, 0}));
}

}  // namespace
}  // namespace viaduct
