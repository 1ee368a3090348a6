#include "tests/loopback/request_queue.h"

#include "blob/memfd.h"

namespace viaduct::loopback {

Result<RequestQueue> RequestQueue::create(UniqueFd& memory) {
    auto file = create_sealed_memfd("loopback-queue", sizeof(Memory));
    if (!file) return tl::unexpected(file.error());
    memory = std::move(*file);
    return open(memory);
}

Result<RequestQueue> RequestQueue::open(const UniqueFd& memory) {
    const auto size = object_size(memory.get());
    if (!size || *size != sizeof(Memory)) return fail(EINVAL, "a queue's memory is missing");
    auto mapping = Mapping::map_shared(memory.get(), 0, sizeof(Memory));
    if (!mapping) return tl::unexpected(mapping.error());
    return RequestQueue(std::move(*mapping));
}

bool RequestQueue::has_room() const {
    return memory().head.load(std::memory_order_relaxed) - memory().tail.load() !=
           memory().slots.size();
}

bool RequestQueue::fits(const Packet& packet) {
    return packet.descriptors.empty() && packet_size(packet) <= sizeof(Slot::bytes);
}

RequestQueue::Slot& RequestQueue::next_slot() const {
    return memory().slots[memory().head.load(std::memory_order_relaxed) % memory().slots.size()];
}

// Sequentially consistent, as is the server's word that it sleeps: it sees the slot, or the client
// sees that it is to be woken.
void RequestQueue::publish() {
    memory().head.fetch_add(1);
}

void RequestQueue::push(Packet& packet, uint32_t ticket) {
    Slot& slot = next_slot();
    slot.ticket = ticket;
    slot.size = static_cast<uint32_t>(packet_size(packet));
    join_packet(packet, slot.bytes);
    publish();
}

void RequestQueue::push_mark(uint32_t ticket) {
    next_slot().ticket = ticket;
    next_slot().size = 0;
    publish();
}

bool RequestQueue::empty() const {
    return memory().head.load() == memory().tail.load(std::memory_order_relaxed);
}

const RequestQueue::Slot& RequestQueue::oldest_slot() const {
    return memory().slots[memory().tail.load(std::memory_order_relaxed) % memory().slots.size()];
}

std::optional<uint32_t> RequestQueue::ticket() const {
    if (empty()) return {};
    return oldest_slot().ticket;
}

Result<RequestQueue::Place> RequestQueue::pop(Packet& packet) {
    const Slot& slot = oldest_slot();
    Place place = Place::kOnSocket;
    if (slot.size != 0) {
        place = Place::kHere;
        if (slot.size > slot.bytes.size()) return fail(EBADMSG, "a slot of {} bytes", slot.size);
        if (auto split = split_packet(std::span(slot.bytes).first(slot.size), packet); !split)
            return tl::unexpected(split.error());
    }
    memory().tail.fetch_add(1);
    return place;
}

}  // namespace viaduct::loopback
