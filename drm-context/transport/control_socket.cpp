#include "drm-context/transport/control_socket.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace viaduct::transport {

namespace {

int milliseconds_until(Deadline deadline) {
    using std::chrono::ceil;
    using std::chrono::milliseconds;
    const auto left = ceil<milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    return static_cast<int>(std::clamp<int64_t>(left, 0, INT32_MAX));
}

// Ancillary data with room for all descriptors of a message, and its sender.
struct AttachedSpace {
    alignas(
        cmsghdr) char bytes[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(kMaxDescriptors * sizeof(int))];
};

void take_descriptors(const cmsghdr& part, std::vector<UniqueFd>& taken) {
    const size_t count = (part.cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(&part) + i * sizeof(fd), sizeof(fd));
        taken.emplace_back(fd);
    }
}

Attached take_attached(msghdr& message) {
    Attached attached;
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET) continue;
        if (part->cmsg_type == SCM_RIGHTS) take_descriptors(*part, attached.descriptors);
        if (part->cmsg_type != SCM_CREDENTIALS) continue;
        ucred sender{};
        std::memcpy(&sender, CMSG_DATA(part), sizeof(sender));
        attached.sender = sender.pid;
    }
    return attached;
}

// Bytes that the kernel holds for messages sent here, its own overhead included.
size_t queued_bytes(int socket) {
    int bytes = 0;
    return ::ioctl(socket, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<size_t>(bytes) : 0;
}

// Of one small message. All have the same, within what the kernel allocates for each of them.
size_t queued_bytes_of_a_message() {
    const auto sockets = create_control_sockets();
    const std::byte message[8] = {};
    if (!sockets || !send_message(sockets->first.get(), message, -1)) return 0;
    return queued_bytes(sockets->first.get());
}

}  // namespace

size_t unreceived(int socket) {
    static const size_t of_one = queued_bytes_of_a_message();
    return of_one == 0 ? 0 : (queued_bytes(socket) + of_one - 1) / of_one;
}

Result<std::pair<UniqueFd, UniqueFd>> create_control_sockets() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return fail(errno, "socketpair: {}", std::strerror(errno));
    return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Status wait_readable(int socket, Deadline deadline) {
    for (;;) {
        pollfd entry{socket, POLLIN, 0};
        const int ready = ::poll(&entry, 1, milliseconds_until(deadline));
        if (ready > 0) return {};
        if (ready == 0) return fail(ETIMEDOUT, "no answer in time");
        if (errno != EINTR) return fail(errno, "poll: {}", std::strerror(errno));
    }
}

int send_or_errno(int socket, std::span<const std::byte> message,
                  std::span<const int> descriptors) noexcept {
    if (descriptors.size() > kMaxDescriptors) return E2BIG;
    iovec part{const_cast<std::byte*>(message.data()), message.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    AttachedSpace space{};
    if (!descriptors.empty()) {
        header.msg_control = &space;
        header.msg_controllen = CMSG_LEN(descriptors.size_bytes());
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
    }
    while (::sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        // A peer that went without reading all there was shows once as a reset (unix(7)).
        if (errno != EINTR) return errno == ECONNRESET ? EPIPE : errno;
    return 0;
}

Status send_message(int socket, std::span<const std::byte> message,
                    std::span<const int> descriptors) {
    const int error = send_or_errno(socket, message, descriptors);
    if (error == 0) return {};
    if (error == EPIPE) return fail(EPIPE, "the peer has closed the socket");
    if (error == E2BIG)
        return fail(E2BIG, "a message cannot carry {} descriptors", descriptors.size());
    return fail(error, "control socket: {}", std::strerror(error));
}

Status send_message(int socket, std::span<const std::byte> message, int descriptor) {
    return send_message(socket, message,
                        std::span<const int>(&descriptor, descriptor >= 0 ? 1 : 0));
}

Status receive_arrived(int socket, std::span<std::byte> message, Attached& attached) {
    iovec part{message.data(), message.size()};
    AttachedSpace space{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = &space;
    header.msg_controllen = sizeof(space.bytes);
    ssize_t size = 0;
    while ((size = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT)) < 0 &&
           errno == EINTR) {
    }
    if (size < 0 && errno == EAGAIN) return fail(EAGAIN, "no message");
    if (size <= 0) return fail(EPIPE, "the peer has closed the socket");
    attached = take_attached(header);
    if (static_cast<size_t>(size) != message.size() || (header.msg_flags & MSG_TRUNC))
        return fail(EBADMSG, "received a message of {} bytes instead of {}", size, message.size());
    return {};
}

Status receive_message(int socket, std::span<std::byte> message, Deadline deadline,
                       Attached& attached) {
    for (;;) {
        if (auto status = wait_readable(socket, deadline); !status) return status;
        auto status = receive_arrived(socket, message, attached);
        if (status || status.error().code != EAGAIN) return status;
    }
}

// Where senders are named there has to be room for that, and for nothing else: descriptors that
// have room are installed, even by a look.
Result<bool> peek_message(int socket, std::span<std::byte> message, Senders senders) {
    alignas(cmsghdr) char sender[CMSG_SPACE(sizeof(ucred))];
    std::ranges::fill(message, std::byte{0});
    iovec part{message.data(), message.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (senders == Senders::kNamed) {
        header.msg_control = sender;
        header.msg_controllen = sizeof(sender);
    }
    ssize_t size = 0;
    while ((size = ::recvmsg(socket, &header, MSG_PEEK | MSG_DONTWAIT)) < 0 && errno == EINTR) {
    }
    if (size < 0 && errno == EAGAIN) return fail(EAGAIN, "no message");
    if (size <= 0) return fail(EPIPE, "the peer has closed the socket");
    return (header.msg_flags & MSG_CTRUNC) != 0;  // there was no room for any
}

Result<std::vector<UniqueFd>> receive_descriptors(int socket, std::span<std::byte> message,
                                                  Deadline deadline) {
    Attached attached;
    if (auto status = receive_message(socket, message, deadline, attached); !status)
        return tl::unexpected(status.error());
    return std::move(attached.descriptors);
}

Result<UniqueFd> receive_message(int socket, std::span<std::byte> message, Deadline deadline) {
    auto descriptors = receive_descriptors(socket, message, deadline);
    if (!descriptors) return tl::unexpected(descriptors.error());
    return descriptors->empty() ? UniqueFd() : std::move(descriptors->front());
}

bool ask_for_senders(int socket, Senders senders) {
    const int on = senders == Senders::kNamed ? 1 : 0;
    return ::setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0;
}

Result<UniqueFd> create_event() {
    UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event) return fail(errno, "eventfd: {}", std::strerror(errno));
    return event;
}

void clear_event(int event) {
    uint64_t value;
    [[maybe_unused]] const ssize_t got = ::read(event, &value, sizeof(value));
}

}  // namespace viaduct::transport
