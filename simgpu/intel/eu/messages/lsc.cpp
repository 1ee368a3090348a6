// The load/store cache's messages of 12.5 and later: UGM (memory) and SLM.
#include <bit>

#include "simgpu/intel/eu/messages/atomic.h"
#include "simgpu/intel/eu/messages/place.h"

namespace simgpu::intel::eu {

namespace {

/// The fields of an LSC descriptor (Mesa's brw_eu.h, lsc_msg_desc).
struct Access {
    unsigned address_bytes;
    unsigned memory_bytes;  // of an element in memory
    unsigned lane_bytes;    // and in the payload
    bool transposed;        // one address, elements one after the other
    int64_t base = 0;       // of all addresses

    bool valid() const { return address_bytes && memory_bytes; }
};

uint32_t bits(uint32_t value, unsigned top, unsigned bottom) {
    return value >> bottom & (~uint32_t{0} >> (31 - (top - bottom)));
}
int64_t sign_extend(uint32_t value, unsigned width) {
    const int64_t sign = int64_t{1} << (width - 1);
    return (int64_t{value} ^ sign) - sign;
}

/// The offset that Xe2 adds to all addresses (Mesa's brw_lower_logical_sends.cpp,
/// setup_lsc_surface_descriptors()): bits of the extended descriptor that an index leaves, or,
/// where a surface's offset fills that, of the instruction's own.
int64_t base_offset(const MessageCall& call) {
    if (call.surfaces().chip().generation < Generation::kXe2) return 0;
    const Message& message = call.in.message;
    switch (call.field(30, 29)) {
        case 0:
            return message.extended_from_a0 ? 0 : sign_extend(bits(call.extended, 31, 12), 20);
        case 3:
            return sign_extend(bits(call.extended, 23, 12), 12);
        default:
            if (!message.extended_from_a0) return 0;
            return sign_extend(bits(message.extended, 31, 19) << 4 | bits(message.extended, 15, 12),
                               17);
    }
}

Access access_of(const MessageCall& call) {
    constexpr unsigned kAddress[4] = {0, 2, 4, 8};
    // D8, D16, D32, D64, D8U32, D16U32, D16BF32
    constexpr unsigned kMemory[8] = {1, 2, 4, 8, 1, 2, 0, 0};
    constexpr unsigned kLane[8] = {1, 2, 4, 8, 4, 4, 0, 0};
    const uint32_t size = call.field(11, 9);
    return {kAddress[call.field(8, 7)], kMemory[size], kLane[size], call.field(15, 15) != 0,
            base_offset(call)};
}

/// The address of a channel's first element.
uint64_t address_of(const MessageCall& call, const Access& access, unsigned channel) {
    return call.number(size_t{channel} * access.address_bytes, access.address_bytes) +
           static_cast<uint64_t>(access.base);
}

/// The place that "Address Surface Type" and the extended descriptor name.
Place place_of(const MessageCall& call) {
    if (call.in.message.sfid == sfid::kSlm) return Place::slm(call);
    if (call.field(30, 29) == 0) return Place::flat(call);
    return Place::buffer(call, lsc_surface(call));
}

/// Bytes that one component of all channels takes: whole registers.
size_t component_bytes(const MessageCall& call, unsigned lane_bytes) {
    const size_t bytes = size_t{call.in.channels} * lane_bytes;
    return (bytes + call.grf - 1) / call.grf * call.grf;
}

size_t data_start(const MessageCall& call) {
    return size_t{call.length} * call.grf;
}

/// Loads or stores component `component` of each channel, `slot` of the payload.
void move_component(const MessageCall& call, const Place& place, const Access& access,
                    unsigned component, unsigned slot, bool store) {
    const size_t row = slot * component_bytes(call, access.lane_bytes);
    for_each_channel(call.enabled, [&](unsigned i) {
        const uint64_t address =
            address_of(call, access, i) + uint64_t{component} * access.memory_bytes;
        const size_t lane = row + size_t{i} * access.lane_bytes;
        uint64_t value = 0;
        if (store) {
            value = call.number(data_start(call) + lane, access.lane_bytes);
            place.write(address, &value, access.memory_bytes);
        } else {
            place.read(address, &value, access.memory_bytes);
            call.answer(lane, &value, access.lane_bytes);
        }
    });
}

void move_transposed(const MessageCall& call, const Place& place, const Access& access,
                     unsigned count, bool store) {
    if (call.enabled == 0) return;
    const uint64_t start = address_of(call, access, 0);
    for (unsigned i = 0; i < count; i++) {
        const uint64_t address = start + uint64_t{i} * access.memory_bytes;
        const size_t lane = size_t{i} * access.lane_bytes;
        uint64_t value = 0;
        if (store) {
            value = call.number(data_start(call) + lane, access.lane_bytes);
            place.write(address, &value, access.memory_bytes);
        } else {
            place.read(address, &value, access.memory_bytes);
            call.answer(lane, &value, access.lane_bytes);
        }
    }
}

void move_vector(const MessageCall& call, bool store) {
    constexpr unsigned kCounts[8] = {1, 2, 3, 4, 8, 16, 32, 64};
    const Access access = access_of(call);
    if (!access.valid()) return call.refuse("reserved address or data size");
    const Place place = place_of(call);
    if (!place.usable()) return;
    const unsigned count = kCounts[call.field(14, 12)];
    if (access.transposed) return move_transposed(call, place, access, count, store);
    for (unsigned i = 0; i < count; i++) move_component(call, place, access, i, i, store);
}

/// Up to four dwords, those that the mask has.
void move_masked(const MessageCall& call, bool store) {
    const Access access = access_of(call);
    if (!access.valid()) return call.refuse("reserved address or data size");
    const Place place = place_of(call);
    if (!place.usable()) return;
    unsigned slot = 0;
    for (unsigned i = 0; i < 4; i++)
        if (call.field(12 + i, 12 + i)) move_component(call, place, access, i, slot++, store);
}

void load(const MessageCall& call) {
    move_vector(call, false);
}
void store(const MessageCall& call) {
    move_vector(call, true);
}
void load_masked(const MessageCall& call) {
    move_masked(call, false);
}
void store_masked(const MessageCall& call) {
    move_masked(call, true);
}

void atomic(const MessageCall& call) {
    const AtomicOp op = lsc_atomic_op(call.field(5, 0));
    const Access access = access_of(call);
    if (!access.valid() || access.memory_bytes < 2)
        return call.refuse("reserved address or data size");
    const Place place = place_of(call);
    if (!place.usable()) return;
    const size_t row = component_bytes(call, access.lane_bytes);
    const unsigned sources = sources_of(op);
    for_each_channel(call.enabled, [&](unsigned i) {
        const size_t lane = size_t{i} * access.lane_bytes;
        const size_t data = data_start(call) + lane;
        const uint64_t first = sources > 0 ? call.number(data, access.lane_bytes) : 0;
        const uint64_t second = sources > 1 ? call.number(data + row, access.lane_bytes) : 0;
        uint64_t old = 0;
        // Of two operands the first is what is compared with.
        if (std::byte* at = place.atomic(address_of(call, access, i), access.memory_bytes))
            old = atomic_update(at, access.memory_bytes, op, sources > 1 ? second : first, first);
        call.answer(lane, &old, access.lane_bytes);
    });
}

template <uint8_t kSfid>
constexpr auto make_rows(const char* const (&names)[6]) {
    std::array<MessageOp, 5 + kLscAtomics> rows{};
    rows[0] = {kSfid, 0, names[0], load};
    rows[1] = {kSfid, 2, names[1], load_masked};
    rows[2] = {kSfid, 4, names[2], store};
    rows[3] = {kSfid, 6, names[3], store_masked};
    rows[4] = {kSfid, 31, names[4], fence};
    for (size_t i = 0; i < kLscAtomics; i++)
        rows[5 + i] = {kSfid, static_cast<uint8_t>(kFirstLscAtomic + i), names[5], atomic};
    return rows;
}

constexpr const char* kMemoryNames[6] = {"ugm load",        "ugm load_cmask", "ugm store",
                                         "ugm store_cmask", "ugm fence",      "ugm atomic"};
constexpr const char* kSlmNames[6] = {"slm load",        "slm load_cmask", "slm store",
                                      "slm store_cmask", "slm fence",      "slm atomic"};

}  // namespace

std::span<const MessageOp> lsc_messages() {
    static constexpr auto kRows = [] {
        const auto memory = make_rows<sfid::kUntypedGlobal>(kMemoryNames);
        const auto slm = make_rows<sfid::kSlm>(kSlmNames);
        std::array<MessageOp, 2 * std::tuple_size_v<decltype(memory)>> rows{};
        for (size_t i = 0; i < memory.size(); i++) {
            rows[i] = memory[i];
            rows[memory.size() + i] = slm[i];
        }
        return rows;
    }();
    return kRows;
}

}  // namespace simgpu::intel::eu
