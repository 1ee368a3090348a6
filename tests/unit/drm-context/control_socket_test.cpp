#include "drm-context/transport/control_socket.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace viaduct::transport
