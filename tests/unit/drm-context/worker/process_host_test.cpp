#include "drm-context/worker/process_host.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <map>
#include <vector>

#include "drm-context/transport/control_socket.h"
#include "drm-context/worker/zygote_messages.h"

namespace viaduct {
namespace {

using namespace std::chrono_literals;
using Worker = std::unique_ptr<WorkerHandle>;

/// The test's end of a zygote: it answers the greeting, and forks nothing.
struct FakeZygote {
    UniqueFd socket;

    template <typename T>
    bool receive(T& message) {
        return transport::receive_message(socket.get(),
                                          std::as_writable_bytes(std::span(&message, 1)), {})
            .has_value();
    }
    /// Requests of this kind since the last call.
    int count(zygote::RequestType type) {
        int count = 0;
        for (zygote::Request request; receive(request);) count += request.type == type;
        return count;
    }
    int starts() { return count(zygote::RequestType::kStart); }
    bool hung_up() const {
        pollfd entry{socket.get(), POLLRDHUP, 0};
        return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLRDHUP) != 0;
    }
};

class ProcessHost : public ::testing::Test {
  protected:
    enum class Manner { kAnswer, kSilent, kDrop };

    void launch(std::chrono::milliseconds greeting_time = 10s) {
        launcher_ = launch_processes({.simulated = true,
                                      .connect = [this] { return connect(); },
                                      .losses = [this] { return losses_; },
                                      .greeting_time = greeting_time});
    }
    Result<UniqueFd> connect() {
        if (refused_ != 0) return fail(refused_, "no connection");
        auto [ours, theirs] = transport::create_control_sockets().value();
        if (manner_ == Manner::kAnswer) {
            const zygote::HelloReply reply;
            EXPECT_TRUE(
                transport::send_message(theirs.get(), std::as_bytes(std::span(&reply, 1)), -1));
        }
        ++connections_;
        if (manner_ != Manner::kDrop) zygotes_.push_back({std::move(theirs)});
        return std::move(ours);
    }
    Result<Worker> start() { return launcher_->start({}); }
    Worker started() {
        auto worker = start();
        EXPECT_TRUE(worker) << (worker ? "" : worker.error().message);
        return worker ? *std::move(worker) : nullptr;
    }
    void lose(uint64_t contexts) { losses_ += contexts; }
    FakeZygote& zygote(size_t number) {
        zygote::Hello hello;
        auto& found = zygotes_.at(number);
        if (!greeted_[number]) greeted_[number] = found.receive(hello);
        return found;
    }
    /// Starts until a new zygote has served one. What the others start is kept.
    size_t starts_until_renewed() {
        const size_t before = zygotes_.size();
        size_t starts = 0;
        for (; starts < 1000; ++starts) {
            workers_.push_back(started());
            if (zygotes_.size() > before && zygote(before).starts() > 0) break;
        }
        return starts;
    }
    void TearDown() override {
        workers_.clear();
        zygotes_.clear();  // whose ends the launcher waits for
    }

    Manner manner_ = Manner::kAnswer;
    int refused_ = 0;
    int connections_ = 0;
    uint64_t losses_ = 0;
    std::vector<FakeZygote> zygotes_;
    std::map<size_t, bool> greeted_;
    std::unique_ptr<WorkerLauncher> launcher_;
    std::vector<Worker> workers_;
};

TEST_F(ProcessHost, StartsAllFromOneZygote) {
    launch();
    for (int i = 0; i < 20; ++i) workers_.push_back(started());
    EXPECT_EQ(connections_, 1);
    EXPECT_EQ(zygote(0).starts(), 20);
}

TEST_F(ProcessHost, AWorkerIsKilledWhenItsHandleGoes) {
    launch();
    started().reset();
    auto& zygote = this->zygote(0);
    zygote::Request request;
    ASSERT_TRUE(zygote.receive(request));
    const uint64_t worker = request.worker;
    ASSERT_TRUE(zygote.receive(request));
    EXPECT_EQ(request.type, zygote::RequestType::kKill);
    EXPECT_EQ(request.worker, worker);
}

TEST_F(ProcessHost, ARefusedConnectionFailsOneStart) {
    refused_ = EAGAIN;
    launch();
    const auto refused = start();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, EAGAIN);
    refused_ = 0;
    EXPECT_NE(started(), nullptr);
}

TEST_F(ProcessHost, ADroppedConnectionFailsOneStart) {
    manner_ = Manner::kDrop;
    launch();
    EXPECT_FALSE(start());
    manner_ = Manner::kAnswer;
    EXPECT_NE(started(), nullptr);
}

TEST_F(ProcessHost, ADeadZygoteIsReplacedWithoutAFailure) {
    launch();
    workers_.push_back(started());
    zygotes_[0].socket.reset();
    EXPECT_NE(started(), nullptr);
    EXPECT_EQ(connections_, 2);
}

TEST_F(ProcessHost, SilenceIsWaitedForOnce) {
    manner_ = Manner::kSilent;
    launch(2s);
    for (int i = 0; i < 5; ++i) {
        const auto silent = start();
        ASSERT_FALSE(silent);
        EXPECT_EQ(silent.error().code, EAGAIN) << silent.error().message;
        EXPECT_LE(connections_, 2);  // two only where this took longer than a pause
    }
}

TEST_F(ProcessHost, SilenceEndsWithTheNextGreeting) {
    manner_ = Manner::kSilent;
    launch(20ms);
    EXPECT_FALSE(start());
    manner_ = Manner::kAnswer;
    Result<Worker> worker = start();
    for (int i = 0; i < 1000 && !worker; ++i, worker = start()) ::poll(nullptr, 0, 1);
    EXPECT_TRUE(worker);
}

TEST_F(ProcessHost, LossesWearAZygoteOut) {
    launch();
    workers_.push_back(started());
    lose(kWornLosses - 1);
    workers_.push_back(started());
    EXPECT_EQ(connections_, 1);
    lose(1);
    starts_until_renewed();
    EXPECT_EQ(connections_, 2);
    EXPECT_GT(zygote(0).starts(), 0);
    workers_.push_back(started());
    EXPECT_EQ(zygote(0).starts(), 0) << "never again";
}

TEST_F(ProcessHost, StartsWearAZygoteOut) {
    launch();
    for (uint64_t i = 0; i < kWornStarts; ++i) {
        started().reset();
        EXPECT_EQ(zygote(0).starts(), 1);  // or its socket fills up
    }
    EXPECT_EQ(connections_, 1);
    starts_until_renewed();
    EXPECT_EQ(connections_, 2);
}

TEST_F(ProcessHost, AZygoteWhoseWorkersSayNothingIsReplaced) {
    launch();
    workers_.push_back(started());
    launcher_->doubt();
    starts_until_renewed();
    EXPECT_EQ(connections_, 2);
}

TEST_F(ProcessHost, AWornZygoteEndsWithItsLastWorker) {
    launch();
    Worker first = started();
    lose(kWornLosses);
    starts_until_renewed();
    EXPECT_FALSE(zygote(0).hung_up());
    first.reset();
    for (auto& worker : workers_) worker.reset();
    EXPECT_TRUE(zygote(0).hung_up()) << "with no start to wait for";
    zygotes_[0].socket.reset();  // at the hang-up, which would be waited for
    workers_.push_back(started());
    EXPECT_EQ(connections_, 2);
}

TEST_F(ProcessHost, AWornZygoteServesOnWhileThereIsNoOther) {
    launch();
    workers_.push_back(started());
    manner_ = Manner::kSilent;
    lose(kWornLosses);
    for (int i = 0; i < 5; ++i) workers_.push_back(started());
    EXPECT_EQ(zygote(0).starts(), 6);
    refused_ = EAGAIN;
    workers_.push_back(started());
    EXPECT_EQ(zygote(0).starts(), 1);
}

TEST_F(ProcessHost, ASpentZygoteStartsNothing) {
    launch(20ms);
    workers_.push_back(started());
    refused_ = EAGAIN;
    lose(kMostLosses);
    const auto spent = start();
    ASSERT_FALSE(spent);
    EXPECT_EQ(spent.error().code, EAGAIN);
    EXPECT_NE(spent.error().message.find("64 contexts were lost"), std::string::npos)
        << spent.error().message;
    refused_ = 0;
    EXPECT_NE(started(), nullptr);
    EXPECT_EQ(connections_, 2);
}

// A guest can make each worn zygote stay, with a context that it leaves alive.
TEST_F(ProcessHost, WornZygotesAreFew) {
    launch();
    for (size_t i = 0; i < kMostWornZygotes; ++i) {
        workers_.push_back(started());
        lose(kMostLosses);
    }
    workers_.push_back(started());
    EXPECT_EQ(zygotes_.size(), kMostWornZygotes + 1);
    lose(kMostLosses);
    const auto one_too_many = start();
    ASSERT_FALSE(one_too_many);
    EXPECT_EQ(one_too_many.error().code, EBUSY) << one_too_many.error().message;
    workers_.front().reset();
    zygotes_.front().socket.reset();
    EXPECT_NE(started(), nullptr) << "once one of them has ended";
}

}  // namespace
}  // namespace viaduct
