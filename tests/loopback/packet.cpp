#include "tests/loopback/packet.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>

#include "blob/memfd.h"

namespace viaduct::loopback {

namespace {

constexpr size_t kMaxPacket = sizeof(MessageHeader) + kMaxBody + kMaxInlinePayload;

union ControlBuffer {
    cmsghdr alignment;
    std::array<char, CMSG_SPACE(kMaxDescriptors * sizeof(int))> bytes;
};

iovec io_vector(const void* data, size_t size) {
    return {const_cast<void*>(data), size};
}

/// A payload too large for a packet moves into a memfd, which becomes the last descriptor.
Status move_payload_to_memfd(Packet& packet) {
    auto memory = create_sealed_memfd("loopback-payload", packet.payload.size());
    if (!memory) return tl::unexpected(memory.error());
    size_t done = 0;
    while (done < packet.payload.size()) {
        const ssize_t written = ::pwrite(memory->get(), packet.payload.data() + done,
                                         packet.payload.size() - done, static_cast<off_t>(done));
        if (written <= 0) return fail(errno, "cannot fill a payload's memfd");
        done += static_cast<size_t>(written);
    }
    packet.payload.clear();
    packet.header.payload_in_fd = 1;
    packet.descriptors.push_back(std::move(*memory));
    return {};
}

Status read_payload_from_memfd(Packet& packet) {
    if (packet.descriptors.empty()) return fail(EBADMSG, "a payload's descriptor is missing");
    const UniqueFd memory = std::move(packet.descriptors.back());
    packet.descriptors.pop_back();
    packet.payload.resize(packet.header.payload_size);
    size_t done = 0;
    while (done < packet.payload.size()) {
        const ssize_t count = ::pread(memory.get(), packet.payload.data() + done,
                                      packet.payload.size() - done, static_cast<off_t>(done));
        if (count <= 0) return fail(EBADMSG, "a payload is shorter than its header says");
        done += static_cast<size_t>(count);
    }
    return {};
}

void attach_descriptors(msghdr& message, ControlBuffer& control, const Packet& packet) {
    const size_t count = packet.descriptors.size();
    if (count == 0) return;
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(count * sizeof(int));
    for (size_t i = 0; i < count; ++i) {
        const int fd = packet.descriptors[i].get();
        std::memcpy(CMSG_DATA(head) + i * sizeof(int), &fd, sizeof(int));
    }
}

void collect_descriptors(msghdr& message, Packet& packet) {
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
        const size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(int));
            packet.descriptors.emplace_back(fd);
        }
    }
}

Result<socklen_t> socket_address(const std::string& path, sockaddr_un& address) {
    address = {};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path))
        return fail(ENAMETOOLONG, "'{}' is not a socket's name", path);
    std::memcpy(address.sun_path, path.data(), path.size());
    const bool abstract = path.front() == '@';
    if (abstract) address.sun_path[0] = '\0';
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() +
                                  (abstract ? 0 : 1));
}

Result<UniqueFd> new_socket() {
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!socket) return fail(errno, "cannot create a socket");
    return socket;
}

void set_sizes(Packet& packet) {
    packet.header.body_size = static_cast<uint32_t>(packet.body.size());
    if (packet.header.payload_in_fd == 0) packet.header.payload_size = packet.payload.size();
}

}  // namespace

size_t packet_size(const Packet& packet) {
    return sizeof(packet.header) + packet.body.size() + packet.payload.size();
}

void join_packet(Packet& packet, std::span<std::byte> room) {
    set_sizes(packet);
    std::memcpy(room.data(), &packet.header, sizeof(packet.header));
    room = room.subspan(sizeof(packet.header));
    std::copy(packet.body.begin(), packet.body.end(), room.begin());
    room = room.subspan(packet.body.size());
    std::copy(packet.payload.begin(), packet.payload.end(), room.begin());
}

Status split_packet(std::span<const std::byte> bytes, Packet& packet) {
    if (bytes.size() < sizeof(MessageHeader)) return fail(EBADMSG, "packet without a header");
    std::memcpy(&packet.header, bytes.data(), sizeof(MessageHeader));
    const MessageHeader& header = packet.header;
    bytes = bytes.subspan(sizeof(MessageHeader));
    const uint64_t inline_size = header.payload_in_fd ? 0 : header.payload_size;
    if (header.body_size > kMaxBody || header.payload_size > kMaxPayload ||
        header.body_size + inline_size != bytes.size())
        return fail(EBADMSG, "packet of {} bytes with a body of {} and a payload of {}",
                    bytes.size(), header.body_size, header.payload_size);
    packet.body.assign(bytes.begin(), bytes.begin() + header.body_size);
    packet.payload.assign(bytes.begin() + header.body_size, bytes.end());
    return header.payload_in_fd ? read_payload_from_memfd(packet) : Status{};
}

Status send_packet(int socket, Packet& packet, SendMode mode) {
    set_sizes(packet);
    if (packet.payload.size() > kMaxInlinePayload) {
        if (auto moved = move_payload_to_memfd(packet); !moved) return moved;
    }
    std::array<iovec, 3> parts = {io_vector(&packet.header, sizeof(packet.header)),
                                  io_vector(packet.body.data(), packet.body.size()),
                                  io_vector(packet.payload.data(), packet.payload.size())};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    ControlBuffer control{};
    attach_descriptors(message, control, packet);
    const int flags = MSG_NOSIGNAL | (mode == SendMode::kNonBlock ? MSG_DONTWAIT : 0);
    ssize_t sent;
    do {
        sent = ::sendmsg(socket, &message, flags);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return fail(errno, "cannot send a packet: {}", std::strerror(errno));
    return {};
}

Result<Packet> receive_packet(int socket, SendMode mode) {
    std::array<std::byte, kMaxPacket> buffer;
    iovec part = io_vector(buffer.data(), buffer.size());
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    ControlBuffer control{};
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    const int flags = MSG_CMSG_CLOEXEC | (mode == SendMode::kNonBlock ? MSG_DONTWAIT : 0);
    ssize_t size;
    do {
        size = ::recvmsg(socket, &message, flags);
    } while (size < 0 && errno == EINTR);
    if (size < 0) return fail(errno, "cannot receive a packet: {}", std::strerror(errno));
    if (size == 0) return fail(ECONNRESET, "the peer has gone");
    Packet packet;
    collect_descriptors(message, packet);
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) return fail(EBADMSG, "packet too large");
    const auto split = split_packet({buffer.data(), static_cast<size_t>(size)}, packet);
    if (!split) return tl::unexpected(split.error());
    return packet;
}

Result<UniqueFd> connect_socket(const std::string& path) {
    sockaddr_un address;
    const auto length = socket_address(path, address);
    if (!length) return tl::unexpected(length.error());
    auto socket = new_socket();
    if (!socket) return socket;
    if (::connect(socket->get(), reinterpret_cast<sockaddr*>(&address), *length) != 0)
        return fail(errno, "cannot connect to {}: {}", path, std::strerror(errno));
    return socket;
}

Result<UniqueFd> listen_socket(const std::string& path) {
    sockaddr_un address;
    const auto length = socket_address(path, address);
    if (!length) return tl::unexpected(length.error());
    auto socket = new_socket();
    if (!socket) return socket;
    if (path.front() != '@') ::unlink(path.c_str());
    if (::bind(socket->get(), reinterpret_cast<sockaddr*>(&address), *length) != 0 ||
        ::listen(socket->get(), 64) != 0)
        return fail(errno, "cannot listen on {}: {}", path, std::strerror(errno));
    return socket;
}

}  // namespace viaduct::loopback
