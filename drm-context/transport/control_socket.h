// Control sockets: small messages of a fixed size, with descriptors.
#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace viaduct::transport {

using Deadline = std::chrono::steady_clock::time_point;

/// As many descriptors as the kernel lets a message have (include/net/scm.h: SCM_MAX_FD). Room for
/// fewer would have it close the others on the receiving thread, and a close() can take long.
inline constexpr size_t kMaxDescriptors = 253;

/// Two connected SOCK_SEQPACKET ends.
Result<std::pair<UniqueFd, UniqueFd>> create_control_sockets();

/// Sends `message` with these descriptors (borrowed). Never blocks: EAGAIN when the peer does not
/// keep up, EPIPE when it is gone.
Status send_message(int socket, std::span<const std::byte> message,
                    std::span<const int> descriptors);
/// The same with one descriptor, or with none if it is negative.
Status send_message(int socket, std::span<const std::byte> message, int descriptor);
/// Sends likewise, and needs no memory: 0, or what the Status would have as its code.
int send_or_errno(int socket, std::span<const std::byte> message,
                  std::span<const int> descriptors) noexcept;

/// Messages that were sent here and that the peer has not received, as the kernel counts them.
/// Right for messages of one page at most; 0 if the kernel does not say.
size_t unreceived(int socket);

/// Receives exactly one message of message.size() bytes. ETIMEDOUT after the deadline, EPIPE when
/// the peer is gone, EBADMSG for a message of another size.
Result<std::vector<UniqueFd>> receive_descriptors(int socket, std::span<std::byte> message,
                                                  Deadline deadline);
/// A message's attachments.
struct Attached {
    std::vector<UniqueFd> descriptors;
    pid_t sender = 0;  // while ask_for_senders(); 0: in a process namespace that is not ours
};
/// The same; `attached` gets all that came, also with a message that is refused: for callers that
/// must not close it.
Status receive_message(int socket, std::span<std::byte> message, Deadline deadline,
                       Attached& attached);
/// The same of a message that has arrived; EAGAIN if there is none.
Status receive_arrived(int socket, std::span<std::byte> message, Attached& attached);
/// Messages that are sent to this socket from now on name their sender; or no longer. False: that
/// could not be changed.
enum class Senders { kNamed, kUnnamed };
bool ask_for_senders(int socket, Senders senders);
/// The same, of which the first descriptor counts.
Result<UniqueFd> receive_message(int socket, std::span<std::byte> message, Deadline deadline);
/// Looks at the next message without receiving it; what is missing of it is zero. The value:
/// whether it brings descriptors. `senders`: what was asked for last. EPIPE, EAGAIN.
Result<bool> peek_message(int socket, std::span<std::byte> message, Senders senders);
/// Waits until a message, or the peer's end, can be received. ETIMEDOUT.
Status wait_readable(int socket, Deadline deadline);

/// An eventfd for wake-ups, close-on-exec, non-blocking.
Result<UniqueFd> create_event();
/// Fails only when the counter is full, that is, when the event is signalled already.
inline void signal_event(int event) {
    const uint64_t one = 1;
    // Not write(): that is a cancellation point, at which a thread of the VMM may end with our
    // locks held, and being one takes as long as the call.
    (void)::syscall(SYS_write, event, &one, sizeof(one));
}
void clear_event(int event);

}  // namespace viaduct::transport
