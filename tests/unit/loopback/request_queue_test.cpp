#include "tests/loopback/request_queue.h"

#include <gtest/gtest.h>

#include <thread>

namespace viaduct::loopback {
namespace {

/// Both ends, as two processes have them.
class RequestQueueTest : public ::testing::Test {
  protected:
    void SetUp() override {
        auto client = RequestQueue::create(memory_);
        auto server = RequestQueue::open(memory_);
        ASSERT_TRUE(client && server);
        client_.emplace(std::move(*client));
        server_.emplace(std::move(*server));
    }
    /// A packet whose body is `number`, and whose payload has `size` bytes with its lowest one.
    static Packet packet_of(uint32_t number, size_t size) {
        Packet packet = Packet::request(MessageType::kSubmit);
        packet.set_body(number);
        packet.payload.assign(size, static_cast<std::byte>(number));
        return packet;
    }
    static uint32_t number_of(const Packet& packet) {
        return packet.body_as<uint32_t>().value_or(0);
    }
    static void expect(const Packet& packet, uint32_t number, size_t size) {
        EXPECT_EQ(packet.header.type, MessageType::kSubmit);
        EXPECT_EQ(packet.body_as<uint32_t>(), number);
        EXPECT_EQ(packet.payload, std::vector(size, static_cast<std::byte>(number)));
    }

    UniqueFd memory_;
    std::optional<RequestQueue> client_;
    std::optional<RequestQueue> server_;
    Packet taken_;
};

TEST_F(RequestQueueTest, GivesBackWhatWasPut) {
    EXPECT_TRUE(server_->empty());
    Packet first = packet_of(1, 0);
    Packet second = packet_of(2, 700);
    client_->push(first, 5);
    client_->push(second, 8);
    EXPECT_FALSE(server_->empty());
    EXPECT_EQ(server_->ticket(), 5u);
    EXPECT_EQ(server_->pop(taken_), RequestQueue::Place::kHere);
    expect(taken_, 1, 0);
    EXPECT_EQ(server_->ticket(), 8u);
    EXPECT_EQ(server_->pop(taken_), RequestQueue::Place::kHere);
    expect(taken_, 2, 700);
    EXPECT_TRUE(server_->empty());
    EXPECT_EQ(server_->ticket(), std::nullopt);
}

TEST_F(RequestQueueTest, IsFullAndHasRoomAgain) {
    uint32_t pushed = 0;
    for (; client_->has_room(); ++pushed) {
        Packet packet = packet_of(pushed, 8);
        client_->push(packet, number_of(packet));
    }
    EXPECT_GT(pushed, 1u);
    EXPECT_EQ(server_->pop(taken_), RequestQueue::Place::kHere);
    EXPECT_TRUE(client_->has_room());
    client_->push_mark(0);
    EXPECT_FALSE(client_->has_room());
    for (uint32_t number = 1; number < pushed; ++number) {
        EXPECT_EQ(server_->pop(taken_), RequestQueue::Place::kHere);
        expect(taken_, number, 8);
    }
    EXPECT_EQ(server_->pop(taken_), RequestQueue::Place::kOnSocket);
    EXPECT_TRUE(server_->empty());
}

TEST_F(RequestQueueTest, TakesNeitherDescriptorsNorLargePackets) {
    EXPECT_TRUE(RequestQueue::fits(packet_of(1, 900)));
    EXPECT_FALSE(RequestQueue::fits(packet_of(1, 1024)));
    Packet packet = packet_of(1, 0);
    packet.descriptors.push_back(memory_.duplicate());
    EXPECT_FALSE(RequestQueue::fits(packet));
}

TEST_F(RequestQueueTest, IsOneThreadsAtEachEnd) {
    constexpr uint32_t kPackets = 20'000;
    std::thread client([&] {
        for (uint32_t number = 0; number < kPackets; ++number) {
            while (!client_->has_room()) std::this_thread::yield();
            Packet packet = packet_of(number, number % 500);
            client_->push(packet, number_of(packet));
        }
    });
    for (uint32_t number = 0; number < kPackets; ++number) {
        while (server_->empty()) std::this_thread::yield();
        ASSERT_EQ(server_->pop(taken_), RequestQueue::Place::kHere);
        ASSERT_NO_FATAL_FAILURE(expect(taken_, number, number % 500));
    }
    client.join();
}

TEST_F(RequestQueueTest, IsNotOpenedInOtherMemory) {
    EXPECT_EQ(RequestQueue::open(UniqueFd()).error().code, EINVAL);
}

}  // namespace
}  // namespace viaduct::loopback
