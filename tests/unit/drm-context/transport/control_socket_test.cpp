#include "drm-context/transport/control_socket.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace viaduct::transport {
namespace {

constexpr std::byte kMessage[8]{};

TEST(ControlSocket, APeerThatIsGoneIsGoneWhateverItLeftUnread) {
    for (const int unread : {0, 1}) {
        auto [ours, theirs] = create_control_sockets().value();
        for (int i = 0; i < unread; ++i) ASSERT_TRUE(send_message(ours.get(), kMessage, -1));
        theirs.reset();
        for (int i = 0; i < 2; ++i) {
            const auto sent = send_message(ours.get(), kMessage, -1);
            ASSERT_FALSE(sent);
            EXPECT_EQ(sent.error().code, EPIPE) << sent.error().message;
        }
        std::byte message[8];
        const auto got = receive_message(ours.get(), message, {});
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error().code, EPIPE) << got.error().message;
    }
}

TEST(ControlSocket, WhatThePeerHasNotReceivedIsCounted) {
    auto [ours, theirs] = create_control_sockets().value();
    const UniqueFd event = create_event().value();
    EXPECT_EQ(unreceived(ours.get()), 0u);
    for (size_t i = 1; i <= 20; ++i) {
        ASSERT_TRUE(send_message(ours.get(), kMessage, i % 2 == 0 ? event.get() : -1));
        EXPECT_EQ(unreceived(ours.get()), i);
    }
    std::byte message[8];
    for (size_t i = 20; i-- > 0;) {
        ASSERT_TRUE(receive_message(theirs.get(), message, {}));
        EXPECT_EQ(unreceived(ours.get()), i);
    }
}

TEST(ControlSocket, AMessageThatWasLookedAtIsStillThere) {
    auto [ours, theirs] = create_control_sockets().value();
    std::byte message[16];
    EXPECT_EQ(peek_message(theirs.get(), message, Senders::kUnnamed).error().code, EAGAIN);
    const std::byte sent[8]{std::byte{7}};
    const UniqueFd event = create_event().value();
    const std::pair<int, Senders> cases[] = {{-1, Senders::kUnnamed},
                                             {event.get(), Senders::kUnnamed},
                                             {-1, Senders::kNamed},
                                             {event.get(), Senders::kNamed}};
    for (const auto& [descriptor, senders] : cases) {
        ask_for_senders(theirs.get(), senders);
        ASSERT_TRUE(send_message(ours.get(), sent, descriptor));
        std::ranges::fill(message, std::byte{1});
        for (int times = 0; times < 2; ++times) {
            EXPECT_EQ(peek_message(theirs.get(), message, senders).value(), descriptor >= 0);
            EXPECT_EQ(message[0], std::byte{7});
            EXPECT_EQ(message[8], std::byte{0});
        }
        std::byte received[8];
        EXPECT_EQ(receive_message(theirs.get(), received, {})->valid(), descriptor >= 0);
    }
    ours.reset();
    EXPECT_EQ(peek_message(theirs.get(), message, Senders::kUnnamed).error().code, EPIPE);
}

TEST(ControlSocket, SendersAreNamedWhenThatIsAskedFor) {
    auto [ours, theirs] = create_control_sockets().value();
    std::byte message[8];
    for (const Senders senders : {Senders::kUnnamed, Senders::kNamed, Senders::kUnnamed}) {
        ask_for_senders(theirs.get(), senders);
        ASSERT_TRUE(send_message(ours.get(), kMessage, -1));
        Attached attached;
        ASSERT_TRUE(receive_message(theirs.get(), message, {}, attached));
        EXPECT_EQ(attached.sender, senders == Senders::kNamed ? ::getpid() : 0);
    }
}

}  // namespace
}  // namespace viaduct::transport
