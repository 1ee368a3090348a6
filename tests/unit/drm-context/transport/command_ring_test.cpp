#include "drm-context/transport/command_ring.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <memory>
#include <thread>
#include <utility>

namespace viaduct::transport {
namespace {

using Bytes = std::vector<std::byte>;

struct Ring {
    explicit Ring(size_t size) : bytes(size), producer(page, bytes), consumer(page, bytes) {}
    SharedPage page{};
    Bytes bytes;
    RingProducer producer;
    RingConsumer consumer;
};

Bytes payload(size_t size, uint8_t seed) {
    Bytes bytes(size);
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(seed + i);
    return bytes;
}

Bytes copy(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

TEST(CommandRing, IsEmptyAtFirst) {
    Ring ring(1024);
    EXPECT_TRUE(ring.consumer.empty());
    EXPECT_FALSE(ring.consumer.peek());
}

TEST(CommandRing, RefusesWhatNeverFits) {
    Ring ring(1024);
    EXPECT_FALSE(ring.producer.push(RecordType::kSubmit, payload(513, 0)));
    EXPECT_TRUE(ring.producer.push(RecordType::kSubmit, payload(512, 0)));
}

TEST(CommandRing, FullUntilConsumed) {
    Ring ring(1024);
    int pushed = 0;
    while (ring.producer.push(RecordType::kFence, payload(56, 1))) ++pushed;
    EXPECT_EQ(pushed, 16);
    ring.consumer.peek();
    ring.consumer.pop();
    EXPECT_TRUE(ring.producer.push(RecordType::kFence, payload(56, 1)));
    EXPECT_FALSE(ring.producer.push(RecordType::kFence, payload(56, 1)));
}

TEST(CommandRing, AWorkerThatLiesAboutItsPositionGetsNothing) {
    Ring ring(1024);
    for (const uint64_t tail : {uint64_t{1} << 40, uint64_t{8}}) {
        ring.page.tail.store(tail);
        EXPECT_FALSE(ring.producer.push(RecordType::kFence, payload(8, 1))) << tail;
    }
}

RC_GTEST_PROP(CommandRing, KeepsOrderAndBytesWhateverTheSizes, ()) {
    Ring ring(2048);
    const auto sizes = *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(0, 1025));
    std::deque<Bytes> expected;
    const auto consume = [&] {
        const auto record = ring.consumer.peek();
        RC_ASSERT(record.has_value());
        RC_ASSERT(copy(record->payload) == expected.front());
        expected.pop_front();
        std::deque<Bytes> ahead;
        const auto look = [&] {
            ring.consumer.look_ahead(
                [&](const RingConsumer::Record& next) { ahead.push_back(copy(next.payload)); });
            return std::exchange(ahead, {});
        };
        RC_ASSERT(look() == expected);
        ring.consumer.pop();
        RC_ASSERT(look() == expected);
    };
    uint8_t seed = 0;
    for (const size_t size : sizes) {
        const Bytes bytes = payload(size, seed++);
        while (!ring.producer.push(RecordType::kSubmit, bytes)) consume();
        expected.push_back(bytes);
    }
    while (!expected.empty()) consume();
    RC_ASSERT(ring.consumer.empty());
}

TEST(CommandRing, TwoThreadsAgree) {
    Ring ring(4096);
    constexpr uint64_t kRecords = 20000;
    std::thread consumer([&] {
        for (uint64_t i = 0; i < kRecords;) {
            const auto record = ring.consumer.peek();
            if (!record) {
                std::this_thread::yield();
                continue;
            }
            ASSERT_EQ(copy(record->payload), payload(i % 300, static_cast<uint8_t>(i)));
            ring.consumer.pop();
            ++i;
        }
    });
    for (uint64_t i = 0; i < kRecords; ++i)
        while (!ring.producer.push(RecordType::kSubmit, payload(i % 300, static_cast<uint8_t>(i))))
            std::this_thread::yield();
    consumer.join();
}

}  // namespace
}  // namespace viaduct::transport
