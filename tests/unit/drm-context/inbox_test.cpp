#include "drm-context/front/inbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

namespace viaduct {
namespace {

/// An inbox, and as the worker the test.
struct InboxTest : ::testing::Test {
    static constexpr uint64_t kCookie = 7;

    void say(uint64_t cookie) {
        transport::Reply reply{};
        reply.cookie = cookie;
        ASSERT_TRUE(
            transport::send_message(sockets.second.get(), std::as_bytes(std::span(&reply, 1)), -1));
    }
    bool something_is_left() {
        pollfd entry{sockets.first.get(), POLLIN, 0};
        return ::poll(&entry, 1, 0) > 0;
    }

    std::pair<UniqueFd, UniqueFd> sockets = transport::create_control_sockets().value();
    UniqueFd notify = transport::create_event().value();
    std::vector<UniqueFd> discarded;
    Inbox inbox{1, sockets.first.get(), notify.get(),
                [this](UniqueFd fd) { discarded.push_back(std::move(fd)); }};
};

TEST_F(InboxTest, AnAnswerThatIsThereCountsThoughTheDeadlineHasPassed) {
    inbox.expect(kCookie);
    say(kCookie);
    EXPECT_TRUE(inbox.wait({}));
}

TEST_F(InboxTest, OneThatNeverStopsTalkingDoesNotOutlastTheDeadline) {
    inbox.expect(kCookie);
    for (int i = 0; i < 150; ++i) say(kCookie + 1);
    const auto answer = inbox.wait({});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ETIMEDOUT);
    EXPECT_TRUE(something_is_left()) << "it went on as long as there was something to read";
}

// It may be the GPU's own file, whose close() waits for the GPU.
TEST_F(InboxTest, NoDescriptorThatNobodyAskedForIsClosedHere) {
    const UniqueFd fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const auto send = [&](std::span<const std::byte> message, size_t descriptors) {
        const std::vector<int> copies(descriptors, fd.get());
        ASSERT_TRUE(transport::send_message(sockets.second.get(), message, copies));
    };
    const auto bytes_of = [](const transport::Reply& reply) {
        return std::as_bytes(std::span(&reply, 1));
    };
    transport::Reply late{}, refused{}, line{};
    late.cookie = kCookie + 1;
    refused.cookie = kCookie;
    refused.error = ENOENT;
    line.cookie = transport::kLogCookie;
    send(std::as_bytes(std::span("of another size")), 3);
    send(bytes_of(late), 1);
    send(bytes_of(line), 2);
    inbox.expect(kCookie);
    send(bytes_of(refused), 4);
    EXPECT_EQ(inbox.wait(std::chrono::steady_clock::now() + std::chrono::seconds(10)).error().code,
              ENOENT);
    EXPECT_EQ(discarded.size(), 3u + 1u + 2u + 4u);
}

}  // namespace
}  // namespace viaduct
