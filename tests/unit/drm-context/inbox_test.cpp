#include "drm-context/front/inbox.h"

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

}  // namespace
}  // namespace viaduct
