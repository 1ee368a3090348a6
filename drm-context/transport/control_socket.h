// The control socket: small messages with at most one descriptor each.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <utility>

#include "blob/result.h"
#include "blob/unique_fd.h"

namespace viaduct::transport {

using Deadline = std::chrono::steady_clock::time_point;

/// Two connected SOCK_SEQPACKET ends.
Result<std::pair<UniqueFd, UniqueFd>> create_control_sockets();

/// Sends `message`, and `descriptor` if it is not negative. Never blocks: EAGAIN when the peer does
/// not keep up.
Status send_message(int socket, std::span<const std::byte> message, int descriptor);

/// Receives exactly one message of message.size() bytes. ETIMEDOUT after the deadline, EPIPE when
/// the peer is gone, EBADMSG for a message of another size.
Result<UniqueFd> receive_message(int socket, std::span<std::byte> message, Deadline deadline);

/// An eventfd for wake-ups, close-on-exec, non-blocking.
Result<UniqueFd> create_event();
void signal_event(int event);
void clear_event(int event);

}  // namespace viaduct::transport
