// The start of a context's worker, as its link sees it.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <utility>

#include "base/log.h"
#include "tests/unit/drm-context/front/context_link_fixture.h"

namespace viaduct {
namespace {

using namespace std::chrono_literals;
using test::ContextLinkTest;
using transport::RecordType;

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
    link_.add_fence(RingIndex(1), FenceId(42));
    EXPECT_TRUE(collect().empty());
    EXPECT_EQ(link_.wait_until_started(20ms).error().code, ETIMEDOUT);
    link_.fail_start({ENODEV, "no GPU"});
    EXPECT_EQ(collect(), std::vector<uint64_t>{42});
    EXPECT_EQ(submit(1).error().code, ENOBUFS);
}

/// A thread that runs until sleep is asked for.
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
    link_.add_fence(RingIndex(1), FenceId(42));
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
