#include "drm-context/front/outbox.h"

#include <gtest/gtest.h>

#include <cstring>

#include "blob/memfd.h"
#include "drm-context/transport/control_socket.h"

namespace viaduct {
namespace {

using transport::RecordType;

/// An outbox, and as its worker the test.
class Way {
  public:
    explicit Way(std::shared_ptr<VmTraffic> traffic) : outbox(channel_.front, std::move(traffic)) {
        outbox.allow_descriptors();
    }

    Status submit(size_t size = 1024) {
        const std::vector<std::byte> bytes(size);
        return outbox.send({.type = RecordType::kSubmit, .payload = bytes});
    }
    Status fence(uint32_t ring, uint64_t count) {
        const transport::FenceCall call{0, count, ring, 0};
        return outbox.send(
            {.type = RecordType::kFence, .payload = std::as_bytes(std::span(&call, 1))});
    }
    Status attach(uint32_t res_id, SharedFd dmabuf) {
        return call(RecordType::kAttach, res_id, std::move(dmabuf));
    }
    Status detach(uint32_t res_id) { return call(RecordType::kDetach, res_id, nullptr); }
    /// A submission that travels in memory of its own.
    Status submit_beside(size_t size) {
        const transport::SubmitMemory call{1, size};
        return outbox.send({.type = RecordType::kSubmitMemory,
                            .payload = std::as_bytes(std::span(&call, 1)),
                            .descriptor = some_descriptor(),
                            .books = Outbox::Books::kHere,
                            .beside = size});
    }
    static SharedFd some_descriptor() {
        return std::make_shared<const UniqueFd>(transport::create_event().value());
    }

    /// Takes the records in the ring; their number.
    int take_records() {
        int taken = 0;
        for (; const auto record = consumer_.peek(); ++taken) {
            if (record->type == RecordType::kFence)
                std::memcpy(&last_fence, record->payload.data(), sizeof(last_fence));
            consumer_.pop();
        }
        return taken;
    }
    /// The descriptors that have arrived; their number.
    int receive() {
        transport::DescriptorMessage message{};
        for (int received = 0;; ++received) {
            const auto descriptor = transport::receive_message(
                worker.socket.get(), std::as_writable_bytes(std::span(&message, 1)), {});
            if (!descriptor) return received;
            EXPECT_TRUE(*descriptor);
        }
    }
    /// The worker takes everything. The number of its records.
    int take_all() {
        int taken = 0;
        for (int turns = 0; turns < 10'000 && !outbox.idle(); ++turns) {
            taken += take_records();
            receive();
            outbox.drain();
        }
        return taken;
    }

  private:
    static constexpr uint64_t kRing = 4096;  // bytes
    Status call(RecordType type, uint32_t res_id, SharedFd descriptor) {
        const transport::ResourceCall call{++last_cookie_, res_id, 0};
        return outbox.send({.type = type,
                            .payload = std::as_bytes(std::span(&call, 1)),
                            .descriptor = std::move(descriptor)});
    }

    uint64_t last_cookie_ = 0;
    transport::Channel channel_ = transport::create_channel(kRing).value();

  public:
    transport::ChannelEnd worker = transport::open_channel_end(std::move(channel_.worker)).value();
    Outbox outbox;
    transport::FenceCall last_fence{};  // that was taken

  private:
    transport::RingConsumer consumer_{worker.page(), worker.ring_bytes()};
};

/// Some of one VM.
class OutboxTest : public ::testing::Test {
  protected:
    std::vector<std::unique_ptr<Way>> make_ways(size_t count) {
        std::vector<std::unique_ptr<Way>> ways;
        for (size_t i = 0; i < count; ++i) ways.push_back(std::make_unique<Way>(traffic_));
        return ways;
    }

    const std::shared_ptr<VmCounters> counters_ = std::make_shared<VmCounters>();
    const std::shared_ptr<VmAccount> account_ = VmAccount::create({}, counters_).value();
    const std::shared_ptr<VmUsage> usage_ =
        VmUsage::create({.descriptors = 2, .profile = "test"}, counters_);
    const std::shared_ptr<VmTraffic> traffic_ = std::make_shared<VmTraffic>(usage_, account_);
    Way way_{traffic_};
};

TEST_F(OutboxTest, AFullRingSpillsAndASignalIsAskedFor) {
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(way_.submit());
    EXPECT_GT(way_.outbox.waiting(), 0u);
    EXPECT_NE(way_.worker.page().front_waits.load(), 0u);
    EXPECT_EQ(way_.take_all(), 10);
    EXPECT_TRUE(way_.outbox.idle());
}

TEST_F(OutboxTest, WhatIsInTheRingIsNotIdle) {
    EXPECT_TRUE(way_.outbox.idle());
    ASSERT_TRUE(way_.submit());
    EXPECT_FALSE(way_.outbox.idle());
    way_.take_records();
    EXPECT_TRUE(way_.outbox.idle());
}

TEST_F(OutboxTest, DescriptorsAndWhatIsBehindThemWaitUntilTheyAreAllowed) {
    transport::Channel channel = transport::create_channel(4096).value();
    Outbox outbox(channel.front, traffic_);
    const transport::ResourceCall call{7, 1, 0};
    const auto payload = std::as_bytes(std::span(&call, 1));
    ASSERT_TRUE(outbox.send({.type = RecordType::kSubmit, .payload = payload}));
    ASSERT_TRUE(outbox.send(
        {.type = RecordType::kAttach, .payload = payload, .descriptor = Way::some_descriptor()}));
    ASSERT_TRUE(outbox.send({.type = RecordType::kSubmit, .payload = payload}));
    EXPECT_EQ(outbox.waiting(), 2u);
    EXPECT_FALSE(outbox.drain());
    outbox.allow_descriptors();
    EXPECT_TRUE(outbox.drain());
    EXPECT_EQ(outbox.waiting(), 0u);
}

TEST_F(OutboxTest, WhatWasDroppedIsNotSent) {
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(way_.submit());
    const int in_the_ring = way_.take_records();
    way_.outbox.clear();
    EXPECT_TRUE(way_.outbox.drain());
    EXPECT_EQ(way_.take_records(), 0);
    EXPECT_LT(in_the_ring, 10);
}

// The kernel counts descriptors in sockets for the user, against RLIMIT_NOFILE: with hundreds of
// them the user's other VMs can send none.
TEST_F(OutboxTest, FewDescriptorsAreInFlight) {
    for (uint32_t i = 1; i <= 20; ++i) ASSERT_TRUE(way_.attach(i, Way::some_descriptor()));
    EXPECT_EQ(way_.outbox.waiting(), 20u - Outbox::kMaxDescriptors);
    EXPECT_EQ(way_.receive(), int{Outbox::kMaxDescriptors});
    way_.outbox.drain();
    EXPECT_EQ(way_.receive(), 0) << "it has not taken the records";
    EXPECT_EQ(way_.take_records(), int{Outbox::kMaxDescriptors});
    way_.outbox.drain();
    EXPECT_EQ(way_.receive(), int{Outbox::kMaxDescriptors});
    EXPECT_EQ(way_.take_all(), 12);
    EXPECT_TRUE(way_.outbox.idle());
}

TEST_F(OutboxTest, AWorkerThatOnlyClaimsToHaveReceivedThemIsSentNoMore) {
    for (uint32_t i = 1; i <= 20; ++i) ASSERT_TRUE(way_.attach(i, Way::some_descriptor()));
    for (const uint64_t tail : {uint64_t{UINT64_MAX}, uint64_t{1} << 40, uint64_t{0}}) {
        way_.worker.page().tail = tail;
        way_.outbox.drain();
    }
    EXPECT_EQ(way_.receive(), int{Outbox::kMaxDescriptors});
}

TEST_F(OutboxTest, AVmHasFewDescriptorsInFlightAndEachContextMayHaveOne) {
    const auto ways = make_ways(8);
    for (const auto& way : ways)
        for (uint32_t i = 1; i <= 20; ++i) ASSERT_TRUE(way->attach(i, Way::some_descriptor()));
    constexpr uint32_t kFull = VmTraffic::kMaxDescriptors / Outbox::kMaxDescriptors;
    for (uint32_t i = 0; i < ways.size(); ++i)
        EXPECT_EQ(ways[i]->receive(), i < kFull ? int{Outbox::kMaxDescriptors} : 1);
    for (const auto& way : ways) EXPECT_GT(way->take_all(), 0);
    ASSERT_TRUE(way_.attach(1, Way::some_descriptor()));
    ASSERT_TRUE(way_.attach(2, Way::some_descriptor()));
    EXPECT_EQ(way_.outbox.waiting(), 0u) << "all that was taken makes room";
}

TEST_F(OutboxTest, OneThatEndsMakesRoom) {
    auto ways = make_ways(VmTraffic::kMaxDescriptors / Outbox::kMaxDescriptors);
    for (const auto& way : ways)
        for (uint32_t i = 1; i <= 20; ++i) ASSERT_TRUE(way->attach(i, Way::some_descriptor()));
    ASSERT_TRUE(way_.attach(1, Way::some_descriptor()));
    ASSERT_TRUE(way_.attach(2, Way::some_descriptor()));
    EXPECT_EQ(way_.outbox.waiting(), 1u);
    ways.pop_back();
    way_.outbox.drain();
    EXPECT_EQ(way_.outbox.waiting(), 0u);
    EXPECT_LT(counters_->host_bytes.load(), 64u << 10) << "what it kept waiting is not charged";
}

TEST_F(OutboxTest, AnAttachmentThatWaitsAndItsEndCancelOut) {
    while (way_.outbox.waiting() == 0) ASSERT_TRUE(way_.submit());
    const size_t waiting = way_.outbox.waiting();
    const auto dmabuf = Way::some_descriptor();
    for (int i = 0; i < 1300; ++i) {
        ASSERT_TRUE(way_.attach(5, dmabuf));
        ASSERT_TRUE(way_.attach(6, dmabuf));
        ASSERT_TRUE(way_.detach(5));
        ASSERT_TRUE(way_.detach(6));
    }
    EXPECT_EQ(way_.outbox.waiting(), waiting);
    EXPECT_EQ(dmabuf.use_count(), 1);
}

TEST_F(OutboxTest, AnAttachmentThatASubmissionMayUseIsKept) {
    while (way_.outbox.waiting() == 0) ASSERT_TRUE(way_.submit());
    const size_t waiting = way_.outbox.waiting();
    ASSERT_TRUE(way_.attach(5, Way::some_descriptor()));
    ASSERT_TRUE(way_.submit());
    ASSERT_TRUE(way_.detach(5));
    EXPECT_EQ(way_.outbox.waiting(), waiting + 3);
    ASSERT_TRUE(way_.detach(5));
    EXPECT_EQ(way_.outbox.waiting(), waiting + 4) << "the second one's is not the first one's";
}

TEST_F(OutboxTest, WhatWaitsIsBounded) {
    while (way_.outbox.waiting() == 0) ASSERT_TRUE(way_.submit());
    Status sent;
    size_t bytes = 0;
    for (; bytes < 100 << 20 && (sent = way_.submit()); bytes += 1024) {
    }
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, ENOBUFS);
    EXPECT_LE(bytes, Outbox::kMaxBytes);
    EXPECT_GE(bytes, Outbox::kMaxBytes / 2);
}

TEST_F(OutboxTest, FencesInARowWaitAsOne) {
    while (way_.outbox.waiting() == 0) ASSERT_TRUE(way_.submit());
    for (uint64_t count = 1; count <= 100'000; ++count) ASSERT_TRUE(way_.fence(5, count));
    EXPECT_EQ(way_.outbox.waiting(), 2u);
    ASSERT_TRUE(way_.fence(6, 1));
    EXPECT_EQ(way_.outbox.waiting(), 3u) << "of another ring";
    ASSERT_TRUE(way_.fence(5, 100'001));
    EXPECT_EQ(way_.outbox.waiting(), 4u);
    ASSERT_TRUE(way_.submit());
    ASSERT_TRUE(way_.fence(5, 100'002));
    EXPECT_EQ(way_.outbox.waiting(), 6u) << "of what was submitted since";
    ASSERT_TRUE(way_.fence(5, 100'003));
    way_.take_all();
    EXPECT_EQ(way_.last_fence.count, 100'003u);
    EXPECT_EQ(way_.last_fence.ring, 5u);
}

TEST_F(OutboxTest, MemoryBesideTheRingCountsUntilItIsTaken) {
    Status sent;
    int accepted = 0;
    for (; accepted < 1000 && (sent = way_.submit_beside(1 << 20)); ++accepted) {
    }
    EXPECT_EQ(accepted, 3);
    EXPECT_EQ(way_.outbox.waiting(), 0u) << "all of it is in the socket";
    EXPECT_FALSE(way_.submit_beside(1 << 20));
    way_.take_all();
    EXPECT_TRUE(way_.submit_beside(1 << 20));
}

TEST_F(OutboxTest, ASingleOneMayBeLarger) {
    constexpr size_t kLarge = 2 * Outbox::kMaxBytes;
    EXPECT_TRUE(way_.submit_beside(kLarge));
    EXPECT_FALSE(way_.submit_beside(kLarge));
    EXPECT_TRUE(way_.submit()) << "the ring has room";
    way_.take_all();
    EXPECT_TRUE(way_.submit_beside(kLarge));
}

TEST_F(OutboxTest, AVmIsBoundedAndEachContextMayHaveALittle) {
    constexpr size_t kLarge = 3 << 20, kMore = VmTraffic::kFreeBytes + 1024;
    const auto ways = make_ways(VmTraffic::kMaxBytes / kLarge + 1);
    for (size_t i = 0; i + 1 < ways.size(); ++i) EXPECT_TRUE(ways[i]->submit_beside(kLarge));
    EXPECT_FALSE(ways.back()->submit_beside(kLarge));
    while (way_.submit_beside(kMore)) way_.outbox.drain();
    EXPECT_TRUE(ways.back()->submit_beside(VmTraffic::kFreeBytes - 1024));
    EXPECT_FALSE(ways.back()->submit_beside(VmTraffic::kFreeBytes));
}

TEST_F(OutboxTest, WhatWaitsIsChargedToTheVm) {
    EXPECT_EQ(counters_->host_bytes.load(), 0u);
    ASSERT_TRUE(way_.submit_beside(1 << 20));
    EXPECT_GE(counters_->host_bytes.load(), 1u << 20);
    EXPECT_GE(memory_of_vm(account_->books(), account_->limits()).total(), 1u << 20);
    way_.take_all();
    EXPECT_EQ(counters_->host_bytes.load(), 0u);
    while (way_.outbox.waiting() == 0) ASSERT_TRUE(way_.submit());
    EXPECT_GT(counters_->host_bytes.load(), 0u);
    way_.take_all();
    EXPECT_EQ(counters_->host_bytes.load(), 0u);
    EXPECT_EQ(memory_of_vm(account_->books(), account_->limits()).total(), 0u);
}

TEST_F(OutboxTest, ADescriptorThatWaitsIsBooked) {
    while (way_.outbox.waiting() == 0) ASSERT_TRUE(way_.submit());
    EXPECT_TRUE(way_.submit_beside(1024));
    EXPECT_TRUE(way_.submit_beside(1024));
    EXPECT_EQ(counters_->descriptors.load(), 2u);
    const size_t waiting = way_.outbox.waiting();
    const auto refused = way_.submit_beside(1024);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ENOMEM);
    EXPECT_EQ(way_.outbox.waiting(), waiting);
    way_.take_all();
    EXPECT_EQ(counters_->descriptors.load(), 0u);
}

TEST_F(OutboxTest, TheWorkerHearsOfTheEndBehindWhatWaits) {
    while (way_.outbox.waiting() == 0) ASSERT_TRUE(way_.submit());
    way_.outbox.quit();
    EXPECT_EQ(way_.worker.page().quit, 0u) << "there is more to come";
    way_.take_all();
    EXPECT_EQ(way_.worker.page().quit, 1u);
}

TEST_F(OutboxTest, TheEndWakesTheWorkerUp) {
    way_.worker.page().worker_sleeps = 1;
    way_.outbox.quit();
    EXPECT_EQ(way_.worker.page().quit, 1u);
    EXPECT_TRUE(transport::wait_readable(way_.worker.doorbell.get(), {}));
}

}  // namespace
}  // namespace viaduct
