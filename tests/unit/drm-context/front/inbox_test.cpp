#include "drm-context/front/inbox.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>

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
    /// Whether the fence thread was given a turn since the last time.
    bool had_turn() {
        uint64_t count = 0;
        return ::read(notify.get(), &count, sizeof(count)) == sizeof(count);
    }
    bool something_is_left() {
        pollfd entry{sockets.first.get(), POLLIN, 0};
        return ::poll(&entry, 1, 0) > 0;
    }

    std::pair<UniqueFd, UniqueFd> sockets = transport::create_control_sockets().value();
    UniqueFd notify = transport::create_event().value();
    std::atomic<uint32_t> listens = 0;
    std::vector<UniqueFd> discarded;
    Inbox inbox{ContextId(1), sockets.first.get(), notify.get(), listens,
                [this](UniqueFd fd) { discarded.push_back(std::move(fd)); }};
};

TEST_F(InboxTest, AnAnswerThatIsThereCountsThoughTheDeadlineHasPassed) {
    inbox.expect(kCookie);
    say(kCookie);
    EXPECT_TRUE(inbox.wait({}));
}

TEST_F(InboxTest, ATurnThatCameDuringAWaitIsRepeated) {
    inbox.expect(kCookie);
    say(kCookie);
    EXPECT_TRUE(inbox.wait({}));
    EXPECT_FALSE(had_turn()) << "there was none";
    inbox.expect(kCookie);
    inbox.drain();
    say(kCookie);
    EXPECT_TRUE(inbox.wait({}));
    EXPECT_TRUE(had_turn());
}

TEST_F(InboxTest, OneThatNeverStopsTalkingDoesNotOutlastTheDeadline) {
    inbox.expect(kCookie);
    for (int i = 0; i < 150; ++i) say(kCookie + 1);
    const auto answer = inbox.wait({});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ETIMEDOUT);
    EXPECT_TRUE(something_is_left()) << "it went on as long as there was something to read";
}

/// Announcements, as a worker makes them.
struct InboxAnnouncementTest : InboxTest {
    InboxAnnouncementTest() { inbox.expect_announced_memory(); }
    void announce(uint64_t blob_id, uint64_t offset = 0) {
        transport::Reply reply{};
        reply.cookie = transport::kAnnouncementCookie;
        reply.blob_id = blob_id;
        reply.offset = offset;
        reply.has_place = 1;
        const UniqueFd memory = transport::create_event().value();
        ASSERT_TRUE(transport::send_message(sockets.second.get(),
                                            std::as_bytes(std::span(&reply, 1)), memory.get()));
    }
};

TEST_F(InboxAnnouncementTest, IsTakenOnce) {
    announce(3, 0x1000);
    announce(4);
    const auto news = inbox.take_announcement(3);
    ASSERT_TRUE(news);
    EXPECT_EQ(news->reply.offset, 0x1000u);
    EXPECT_TRUE(news->descriptor);
    EXPECT_FALSE(inbox.take_announcement(3));
    EXPECT_TRUE(inbox.take_announcement(4));
    EXPECT_TRUE(discarded.empty());
}

TEST_F(InboxAnnouncementTest, GoesWithTheAnswerToTheCreation) {
    inbox.expect(kCookie);
    announce(3, 0x1000);
    transport::Reply reply{};
    reply.cookie = kCookie;
    reply.blob_id = 3;
    ASSERT_TRUE(
        transport::send_message(sockets.second.get(), std::as_bytes(std::span(&reply, 1)), -1));
    announce(3, 0x2000);
    const auto answer = inbox.wait({});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->reply.has_place, 1u);
    EXPECT_EQ(answer->reply.offset, 0x1000u);
    EXPECT_TRUE(answer->descriptor);
    EXPECT_EQ(inbox.take_announcement(3)->reply.offset, 0x2000u) << "the next object with its id";
    EXPECT_TRUE(discarded.empty());
}

TEST_F(InboxAnnouncementTest, IsFoundBehindAnAnswerThatWasLeft) {
    inbox.leave(
        kCookie, [](auto) {}, Inbox::Delivery::kPrompt);
    say(kCookie);
    announce(3);
    EXPECT_TRUE(inbox.take_announcement(3));
    EXPECT_EQ(inbox.left(), 0u);
}

// Its buffers need none.
TEST_F(InboxAnnouncementTest, OfARenderNodesBufferWithADescriptorIsMisuse) {
    Inbox other{ContextId(1), sockets.first.get(), notify.get(), listens, [](UniqueFd) { FAIL(); }};
    announce(3);
    EXPECT_FALSE(other.take_announcement(3));
    EXPECT_TRUE(other.misused());
    EXPECT_TRUE(something_is_left());
}

TEST_F(InboxAnnouncementTest, OnesThatNobodyTakesAreFew) {
    for (uint64_t id = 1; id <= transport::kMostAnnounced + 1; ++id) announce(id);
    announce(1, 0x1000);
    EXPECT_FALSE(inbox.drain().more);
    EXPECT_EQ(discarded.size(), 2u) << "one too many, and one that was announced anew";
    EXPECT_FALSE(inbox.take_announcement(transport::kMostAnnounced + 1));
    EXPECT_EQ(inbox.take_announcement(1)->reply.offset, 0x1000u);
}

// Each brings a descriptor that has to be closed.
TEST_F(InboxAnnouncementTest, AFloodIsMisuse) {
    for (uint64_t id = 1; id <= 2 * transport::kMostAnnounced; ++id) announce(id);
    while (inbox.drain().more) {
    }
    EXPECT_FALSE(inbox.misused());
    announce(1);
    EXPECT_FALSE(inbox.drain().more);
    EXPECT_TRUE(inbox.misused());
    EXPECT_TRUE(something_is_left()) << "its descriptor was not received";
}

TEST_F(InboxAnnouncementTest, IsFoundBehindLines) {
    say(transport::kLogCookie);
    announce(3);
    EXPECT_TRUE(inbox.take_announcement(3));
}

TEST_F(InboxAnnouncementTest, OtherMessagesAreLeftToTheFenceThread) {
    say(kCookie);
    announce(3);
    EXPECT_FALSE(inbox.take_announcement(3));
    EXPECT_EQ(inbox.drain().strays, 1u);
    EXPECT_TRUE(inbox.take_announcement(3));
}

/// Descriptors, of an open pipe: its other end shows when the last one is closed.
struct InboxDescriptorTest : InboxTest {
    void SetUp() override { ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0); }
    void TearDown() override { ::close(ends[0]); }
    void send(std::span<const std::byte> message, size_t descriptors) {
        const std::vector<int> copies(descriptors, ends[1]);
        ASSERT_TRUE(transport::send_message(sockets.second.get(), message, copies));
    }
    void send(uint64_t cookie, size_t descriptors, int error = 0) {
        transport::Reply reply{};
        reply.cookie = cookie;
        reply.error = error;
        send(std::as_bytes(std::span(&reply, 1)), descriptors);
    }
    bool all_are_closed() {
        ::close(std::exchange(ends[1], -1));
        pollfd entry{ends[0], POLLIN, 0};
        return ::poll(&entry, 1, 0) > 0;
    }

    int ends[2] = {-1, -1};
};

// Closing a descriptor may wait for the GPU, or give back gigabytes.
TEST_F(InboxDescriptorTest, OnesThatNobodyAskedForStayInTheSocket) {
    for (const uint64_t cookie : {kCookie, uint64_t{transport::kLogCookie}, uint64_t{0}}) {
        Inbox other{ContextId(1), sockets.first.get(), notify.get(), listens,
                    [](UniqueFd) { FAIL(); }};
        send(cookie, 3);
        EXPECT_FALSE(other.drain().more);
        EXPECT_TRUE(other.hung_up());
        EXPECT_TRUE(other.misused());
        std::byte message[sizeof(transport::Reply)];
        EXPECT_EQ(transport::receive_descriptors(sockets.first.get(), message, {})->size(), 3u);
    }
    EXPECT_TRUE(all_are_closed());
}

TEST_F(InboxDescriptorTest, AMessageOfAnotherSizeMayBringNoneEither) {
    send(std::as_bytes(std::span("abc")), 3);
    inbox.drain();
    EXPECT_TRUE(inbox.misused());
    EXPECT_TRUE(something_is_left());
}

TEST_F(InboxDescriptorTest, ALateAnswerMayBringOne) {
    inbox.expect(kCookie);
    EXPECT_EQ(inbox.wait({}).error().code, ETIMEDOUT);
    send(kCookie, 1);
    inbox.drain();
    EXPECT_FALSE(inbox.hung_up());
    EXPECT_EQ(discarded.size(), 1u);
    send(kCookie, 1);
    inbox.drain();
    EXPECT_TRUE(inbox.misused()) << "there was one question";
}

TEST_F(InboxDescriptorTest, AnAnswerBringsOneAtMost) {
    for (const size_t count : {2u, 9u, 253u}) {
        discarded.clear();
        std::vector<UniqueFd> elsewhere;
        Inbox other{ContextId(1), sockets.first.get(), notify.get(), listens,
                    [&](UniqueFd fd) { elsewhere.push_back(std::move(fd)); }};
        other.expect(kCookie);
        send(kCookie, count);
        (void)other.wait({});
        EXPECT_TRUE(other.misused());
        EXPECT_EQ(elsewhere.size(), count) << "none is closed here";
    }
}

TEST_F(InboxDescriptorTest, AnAnswerThatIsAnErrorHasItsDescriptorClosedElsewhere) {
    inbox.expect(kCookie);
    send(kCookie, 1, ENOENT);
    EXPECT_EQ(inbox.wait({}).error().code, ENOENT);
    EXPECT_EQ(discarded.size(), 1u);
}

/// Answers that nobody waits for.
struct LateAnswers : InboxDescriptorTest {
    Inbox::Late late(std::string name) {
        return [this, name](Result<Inbox::Answer> answer) {
            came.push_back(name + (answer ? answer->descriptor ? " with a descriptor" : ""
                                          : fmt::format(" error {}", answer.error().code)));
        };
    }
    std::vector<std::string> came;
};

TEST_F(LateAnswers, GoWhereTheyWereLeftFor) {
    inbox.leave(kCookie, late("first"), Inbox::Delivery::kPrompt);
    inbox.leave(kCookie + 1, late("second"), Inbox::Delivery::kPrompt);
    send(kCookie + 1, 0, ENOENT);
    send(kCookie, 1);
    inbox.drain();
    EXPECT_TRUE(came.empty()) << "not while the inbox is locked";
    inbox.deliver();
    EXPECT_EQ(came, (std::vector<std::string>{"second error 2", "first with a descriptor"}));
    EXPECT_EQ(inbox.drain().strays, 0u) << "they were asked for";
    EXPECT_FALSE(inbox.hung_up());
    send(kCookie, 1);
    inbox.drain();
    EXPECT_TRUE(inbox.misused()) << "all questions are answered";
}

TEST_F(LateAnswers, AreListenedForIfSomebodyWantsThem) {
    inbox.leave(kCookie, late("first"), Inbox::Delivery::kPrompt);
    EXPECT_TRUE(had_turn()) << "the answer may be there already";
    inbox.leave(kCookie + 1, late("second"), Inbox::Delivery::kPrompt);
    send(kCookie, 0);
    inbox.drain();
    EXPECT_EQ(listens, 1u);
    send(kCookie + 1, 0);
    inbox.drain();
    EXPECT_EQ(listens, 0u);
}

TEST_F(LateAnswers, ThatNothingDependsOnWakeNobody) {
    inbox.leave(kCookie, late("it"), Inbox::Delivery::kLater);
    EXPECT_EQ(listens, 0u);
    send(kCookie, 0);
    inbox.look();
    inbox.deliver();
    EXPECT_EQ(came, std::vector<std::string>{"it"});
    EXPECT_EQ(listens, 0u);
    EXPECT_FALSE(had_turn());
}

TEST_F(LateAnswers, AreThoseOfWaitsThatEnded) {
    inbox.expect(kCookie);
    EXPECT_EQ(inbox.wait({}, late("it")).error().code, ETIMEDOUT);
    EXPECT_EQ(listens, 1u);
    say(kCookie);
    inbox.drain();
    inbox.deliver();
    EXPECT_EQ(came, std::vector<std::string>{"it"});
}

TEST_F(LateAnswers, CanBeWaitedForAfterAll) {
    inbox.leave(kCookie, late("left"), Inbox::Delivery::kPrompt);
    ASSERT_TRUE(inbox.expect_again(kCookie));
    say(kCookie);
    EXPECT_TRUE(inbox.wait({}));
    inbox.deliver();
    EXPECT_TRUE(came.empty()) << "the one who waited has it";
    EXPECT_FALSE(inbox.expect_again(kCookie));
}

TEST_F(LateAnswers, AreErrorsOnceTheWorkerIsGone) {
    inbox.leave(kCookie, late("it"), Inbox::Delivery::kPrompt);
    sockets.second.reset();
    inbox.drain();
    inbox.deliver();
    EXPECT_EQ(came, std::vector<std::string>{"it error 32"});
}

TEST_F(LateAnswers, OfQuestionsThatWereNotSentDoNotCome) {
    inbox.leave(kCookie, late("it"), Inbox::Delivery::kPrompt);
    inbox.cancel(kCookie);
    send(kCookie, 1);
    inbox.drain();
    EXPECT_TRUE(inbox.misused());
    inbox.deliver();
    EXPECT_TRUE(came.empty());
}

TEST_F(LateAnswers, SurviveTheSecondStartOfAWorker) {
    inbox.expect(transport::kReadyCookie);
    inbox.leave(kCookie, late("it"), Inbox::Delivery::kPrompt);
    inbox.start_anew();
    inbox.expect(transport::kReadyCookie);
    send(transport::kReadyCookie, 1);
    EXPECT_TRUE(inbox.wait({}));
    send(kCookie, 1);
    inbox.drain();
    inbox.deliver();
    EXPECT_EQ(came, std::vector<std::string>{"it with a descriptor"});
}

TEST_F(LateAnswers, LeaveNoDescriptorBehind) {
    {
        Inbox other{ContextId(1), sockets.first.get(), notify.get(), listens,
                    [this](UniqueFd fd) { discarded.push_back(std::move(fd)); }};
        other.leave(
            kCookie, [](Result<Inbox::Answer>) { FAIL(); }, Inbox::Delivery::kPrompt);
        send(kCookie, 1);
        other.drain();
    }
    EXPECT_EQ(discarded.size(), 1u);
}

TEST_F(InboxDescriptorTest, OneMoreComesAtTheEnd) {
    send(transport::kPendingWorkCookie, 1);
    inbox.drain();
    EXPECT_FALSE(inbox.hung_up());
    EXPECT_TRUE(inbox.take_pending_work());
    send(transport::kPendingWorkCookie, 1);
    inbox.drain();
    EXPECT_TRUE(inbox.misused());
}

// A worker's first word and a line of its log may arrive before the word is looked at.
TEST_F(InboxDescriptorTest, LinesBringNoneWhileSendersAreNamed) {
    inbox.ask_for_senders(transport::Senders::kNamed);
    inbox.expect(kCookie);
    send(kCookie, 1);
    send(transport::kLogCookie, 0);
    inbox.forget();
    inbox.drain();
    EXPECT_FALSE(inbox.misused());
    EXPECT_FALSE(something_is_left());
}

TEST_F(InboxDescriptorTest, LinesBringNone) {
    send(transport::kLogCookie, 0);
    inbox.drain();
    EXPECT_FALSE(inbox.hung_up());
    EXPECT_FALSE(something_is_left());
}

}  // namespace
}  // namespace viaduct
