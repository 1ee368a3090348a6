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

}  // namespace
}  // namespace viaduct::transport
