// Packets of the loopback's protocol, and their way over a SEQPACKET socket.
#pragma once

#include <sys/uio.h>

#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "tests/loopback/protocol.h"

namespace viaduct::loopback {

/// One message, ready to be sent or just received.
struct Packet {
    MessageHeader header{};
    std::vector<std::byte> body;
    std::vector<std::byte> payload;
    std::vector<UniqueFd> descriptors;

    static Packet request(MessageType type) {
        Packet packet;
        packet.header.type = type;
        return packet;
    }
    static Packet reply(uint32_t request_id, int status) {
        Packet packet = request(MessageType::kReply);
        packet.header.request_id = request_id;
        packet.header.status = status;
        return packet;
    }

    template <typename T>
    void set_body(const T& value) {
        static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= kMaxBody);
        body.resize(sizeof(T));
        std::memcpy(body.data(), &value, sizeof(T));
    }
    /// The body, if it has exactly the size of a T.
    template <typename T>
    std::optional<T> body_as() const {
        static_assert(std::is_trivially_copyable_v<T>);
        if (body.size() != sizeof(T)) return std::nullopt;
        T value;
        std::memcpy(&value, body.data(), sizeof(T));
        return value;
    }
    void append_payload(const void* data, size_t size) {
        const auto* bytes = static_cast<const std::byte*>(data);
        payload.insert(payload.end(), bytes, bytes + size);
    }
    /// Takes descriptor `index` out of the packet; invalid if there is none.
    UniqueFd take_descriptor(size_t index) {
        return index < descriptors.size() ? std::move(descriptors[index]) : UniqueFd{};
    }
};

/// Bytes of header, body and payload.
size_t packet_size(const Packet& packet);
/// Writes them one behind the other, with a header that says how large each is; `room` has at least
/// packet_size() bytes.
void join_packet(Packet& packet, std::span<std::byte> room);
/// The reverse. Error: EBADMSG, not of this protocol.
Status split_packet(std::span<const std::byte> bytes, Packet& packet);

enum class SendMode { kBlock, kNonBlock };

/// Sends one packet whole; its descriptors stay the packet's. Errors: EAGAIN (kNonBlock, no room),
/// EPIPE/ECONNRESET (the peer is gone), EMSGSIZE.
Status send_packet(int socket, Packet& packet, SendMode mode);

/// Receives one packet. Errors: EAGAIN (non-blocking, nothing there), ECONNRESET (the peer is
/// gone), EBADMSG (not of this protocol).
Result<Packet> receive_packet(int socket, SendMode mode);

/// A connected client socket; `path` starting with '@' names the abstract namespace.
Result<UniqueFd> connect_socket(const std::string& path);
/// A listening socket.
Result<UniqueFd> listen_socket(const std::string& path);

}  // namespace viaduct::loopback
