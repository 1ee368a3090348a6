// The queue of one connection: what the client asks for, in memory that it shares with the server,
// as a guest's kernel shares its virtqueue with the device.
#pragma once

#include <array>
#include <atomic>
#include <optional>

#include "blob/mapping.h"
#include "tests/loopback/packet.h"

namespace viaduct::loopback {

/// A slot holds one packet, or says that the next packet on the socket is it: one with descriptors,
/// or too large. Each end is one thread's at a time.
///
/// The two ends trust each other, as two parts of one test.
class RequestQueue {
  public:
    /// A new queue; `memory` is what the other end opens.
    static Result<RequestQueue> create(UniqueFd& memory);
    /// Errors: EINVAL (memory of another size), those of mmap(2).
    static Result<RequestQueue> open(const UniqueFd& memory);

    /// The client's end.
    bool has_room() const;
    /// False: the packet must go over the socket.
    static bool fits(const Packet& packet);
    /// There must be room, and the packet must fit. `ticket`: SharedState::next_ticket.
    void push(Packet& packet, uint32_t ticket);
    /// The packet is on the socket already.
    void push_mark(uint32_t ticket);

    /// The server's end.
    bool empty() const;
    /// Of the oldest slot; nothing if it is empty.
    std::optional<uint32_t> ticket() const;
    enum class Place { kHere, kOnSocket };
    /// Takes the oldest slot, of which there must be one, and fills `packet` with what it holds.
    /// Error: EBADMSG.
    Result<Place> pop(Packet& packet);

  private:
    struct Slot {
        uint32_t ticket;
        uint32_t size;  // 0: on the socket
        std::array<std::byte, 1016> bytes;
    };
    struct Memory {
        alignas(64) std::atomic<uint32_t> head;  // slots ever filled; the client's
        alignas(64) std::atomic<uint32_t> tail;  // slots ever taken; the server's
        alignas(64) std::array<Slot, 128> slots;
    };
    static_assert(std::atomic<uint32_t>::is_always_lock_free);

    explicit RequestQueue(Mapping mapping) : mapping_(std::move(mapping)) {}
    Memory& memory() const { return *reinterpret_cast<Memory*>(mapping_.data()); }
    Slot& next_slot() const;
    const Slot& oldest_slot() const;
    void publish();

    Mapping mapping_;
};

}  // namespace viaduct::loopback
