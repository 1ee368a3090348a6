// A link and its worker's end, for the tests of ContextLink.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "blob/memfd.h"
#include "drm-context/front/context_link.h"
#include "drm-context/transport/command_ring.h"
#include "tests/unit/drm-context/front/link_parts.h"

namespace viaduct::test {

/// A link and, as its worker, the test.
class ContextLinkTest : public ::testing::Test {
  protected:
    static constexpr uint64_t kRing = 4096;

    explicit ContextLinkTest(Patience::Clock::duration deadline = std::chrono::hours(1))
        : patience_(patience(deadline)) {}
    void SetUp() override { start(link_, worker_.socket.get()); }

    std::vector<uint64_t> collect() {
        std::vector<RetiredFence> out;
        link_.collect(out);
        std::vector<uint64_t> ids;
        for (const RetiredFence& fence : out) ids.push_back(fence.fence_id.value());
        return ids;
    }
    /// True if the fence thread would take another turn.
    bool has_turn() {
        pollfd entries[] = {{link_.notify_fd(), POLLIN, 0}, {link_.socket_fd(), POLLRDHUP, 0}};
        return ::poll(entries, 2, 0) > 0;
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
        return link_.send(transport::RecordType::kSubmit, bytes, {});
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
    ContextLink link_{ContextId(1), std::move(channel_.front), device_file(), closer(), patience_};
    const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::duration passed_{0};
};

}  // namespace viaduct::test
