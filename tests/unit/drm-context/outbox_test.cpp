#include "drm-context/front/outbox.h"

#include <gtest/gtest.h>

#include <cstring>

#include "blob/memfd.h"
#include "drm-context/transport/control_socket.h"

namespace viaduct {
namespace {

using transport::RecordType;

/// An outbox, and as its worker the test.
class OutboxTest : public ::testing::Test {
  protected:
    static constexpr uint64_t kRing = 4096;  // bytes

    Status submit(size_t size = 1024) {
        const std::vector<std::byte> bytes(size);
        return outbox_.send({RecordType::kSubmit, bytes, UniqueFd()});
    }
    Status attach(uint64_t cookie) {
        const transport::ResourceCall call{cookie, 1, 0};
        return outbox_.send({RecordType::kAttach, std::as_bytes(std::span(&call, 1)),
                             create_sealed_memfd("test", 1).value()});
    }
    /// A submission that travels in memory of its own.
    Status submit_beside(size_t size) {
        const transport::SubmitMemory call{1, size};
        return outbox_.send({RecordType::kSubmitMemory, std::as_bytes(std::span(&call, 1)),
                             create_sealed_memfd("test", 1).value(), size});
    }
    /// Takes what is in the ring; the number of records.
    int take_all() {
        int taken = 0;
        for (; consumer_.peek(); ++taken) consumer_.pop();
        return taken;
    }
    /// The cookie of the next descriptor that has arrived; 0: none has.
    uint64_t receive() {
        transport::DescriptorMessage message{};
        const auto descriptor = transport::receive_message(
            worker_.socket.get(), std::as_writable_bytes(std::span(&message, 1)), {});
        return descriptor && *descriptor ? message.cookie : 0;
    }

    transport::Channel channel_ = transport::create_channel(kRing).value();
    transport::ChannelEnd worker_ = transport::open_channel_end(std::move(channel_.worker)).value();
    transport::RingConsumer consumer_{worker_.page(), worker_.ring_bytes()};
    Outbox outbox_{channel_.front};
};

TEST_F(OutboxTest, AFullRingSpillsAndASignalIsAskedFor) {
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(submit());
    EXPECT_GT(outbox_.waiting(), 0u);
    EXPECT_NE(worker_.page().front_waits.load(), 0u);
    int taken = 0;
    for (int turns = 0; turns < 10 && !outbox_.idle(); ++turns) {
        taken += take_all();
        outbox_.drain();
    }
    EXPECT_EQ(taken, 10);
    EXPECT_TRUE(outbox_.idle());
}

TEST_F(OutboxTest, WhatIsInTheRingIsNotIdle) {
    EXPECT_TRUE(outbox_.idle());
    ASSERT_TRUE(submit());
    EXPECT_FALSE(outbox_.idle());
    take_all();
    EXPECT_TRUE(outbox_.idle());
}

TEST_F(OutboxTest, DescriptorsAndWhatIsBehindThemWaitUntilTheyAreAllowed) {
    ASSERT_TRUE(submit(16));
    ASSERT_TRUE(attach(7));
    ASSERT_TRUE(submit(16));
    EXPECT_EQ(take_all(), 1);
    EXPECT_EQ(outbox_.waiting(), 2u);
    EXPECT_FALSE(outbox_.drain());
    outbox_.allow_descriptors();
    EXPECT_TRUE(outbox_.drain());
    EXPECT_EQ(take_all(), 2);
    EXPECT_EQ(receive(), 7u);
}

TEST_F(OutboxTest, MemoryBesideARecordCountsUntilTheRecordIsTaken) {
    outbox_.allow_descriptors();
    Status sent;
    int accepted = 0;
    for (; accepted < 1000 && (sent = submit_beside(1 << 20)); ++accepted) {
    }
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, ENOBUFS);
    for (int turns = 0; turns < 1000 && !outbox_.idle(); ++turns) {
        take_all();
        while (receive() != 0) {
        }
        outbox_.drain();
    }
    EXPECT_TRUE(submit_beside(1 << 20));
}

TEST_F(OutboxTest, WhatWasDroppedIsNotSent) {
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(submit());
    const int in_the_ring = take_all();
    outbox_.clear();
    EXPECT_TRUE(outbox_.drain());
    EXPECT_EQ(take_all(), 0);
    EXPECT_LT(in_the_ring, 10);
}

}  // namespace
}  // namespace viaduct
