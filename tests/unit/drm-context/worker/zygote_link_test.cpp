#include "drm-context/worker/zygote_link.h"

#include <gtest/gtest.h>

#include <set>

#include "drm-context/transport/control_socket.h"
#include "drm-context/worker/zygote_messages.h"

namespace viaduct {
namespace {

template <typename T>
bool receive(const UniqueFd& socket, T& message) {
    return transport::receive_message(socket.get(), std::as_writable_bytes(std::span(&message, 1)),
                                      {})
        .has_value();
}

// As a worker that takes a long time to fork.
TEST(ZygoteLink, AZygoteThatIsBusyHearsLaterWhomToKill) {
    auto [ours, zygote] = transport::create_control_sockets().value();
    const auto link = ZygoteLink::greet(std::move(ours), false);
    ASSERT_TRUE(link);
    zygote::Hello hello;
    ASSERT_TRUE(receive(zygote, hello));

    constexpr uint64_t kWorkers = 2000;  // more than the socket holds
    for (uint64_t worker = 1; worker <= kWorkers; ++worker) (*link)->kill(worker);
    std::set<uint64_t> killed;
    for (int turn = 0; turn < 100 && killed.size() < kWorkers; ++turn) {
        for (zygote::Request request; receive(zygote, request);) {
            EXPECT_EQ(request.type, zygote::RequestType::kKill);
            killed.insert(request.worker);
        }
        (*link)->kill(kWorkers);
    }
    EXPECT_EQ(killed.size(), kWorkers);
    zygote.reset();  // whose end the link waits for
}

}  // namespace
}  // namespace viaduct
