// Data port 1: untyped reads, writes and atomics by binding table index, and by address (A64).
#include <bit>

#include "simgpu/intel/eu/messages/atomic.h"
#include "simgpu/intel/eu/messages/place.h"

namespace simgpu::intel::eu {

namespace {

/// The layout of a message with an address and data for each channel.
struct Layout {
    unsigned channels;
    unsigned address_bytes;
    size_t first = 0;  // behind the header

    uint64_t address(const MessageCall& call, unsigned channel) const {
        return call.number(first + size_t{channel} * address_bytes, address_bytes);
    }
    size_t data() const { return first + size_t{channels} * address_bytes; }
};

size_t header_bytes(const MessageCall& call) {
    return call.header ? call.grf : 0;
}

// --- reads and writes of up to four dwords; the mask has a bit for each channel that is not there

unsigned dwords_of(const MessageCall& call) {
    return 4 - static_cast<unsigned>(std::popcount(call.field(11, 8)));
}

/// "SIMD Mode" (MDC_SM3); 0, SIMD4x2, is not used on these chips.
bool take_simd_mode(const MessageCall& call, Layout& layout) {
    const uint32_t mode = call.field(13, 12);
    layout.channels = mode == 1 ? 16 : 8;
    layout.first = header_bytes(call);
    if (mode == 1 || mode == 2) return true;
    call.refuse("SIMD4x2 is not simulated");
    return false;
}

void untyped_read(const MessageCall& call, const Place& place, unsigned address_bytes) {
    Layout layout{0, address_bytes};
    if (!place.usable() || !take_simd_mode(call, layout)) return;
    const unsigned dwords = dwords_of(call);
    for_each_channel(call.enabled & mask_of(layout.channels), [&](unsigned i) {
        const uint64_t address = layout.address(call, i);
        for (unsigned k = 0; k < dwords; k++) {
            uint32_t value;
            place.read(address + 4 * k, &value, 4);
            call.answer(4 * (size_t{k} * layout.channels + i), &value, 4);
        }
    });
}

void untyped_write(const MessageCall& call, const Place& place, unsigned address_bytes) {
    Layout layout{0, address_bytes};
    if (!place.usable() || !take_simd_mode(call, layout)) return;
    const unsigned dwords = dwords_of(call);
    for_each_channel(call.enabled & mask_of(layout.channels), [&](unsigned i) {
        const uint64_t address = layout.address(call, i);
        for (unsigned k = 0; k < dwords; k++) {
            const uint32_t value =
                call.dword(layout.data() + 4 * (size_t{k} * layout.channels + i));
            place.write(address + 4 * k, &value, 4);
        }
    });
}

// --- atomics

struct Atomic {
    AtomicOp op;
    unsigned bytes;       // of the number in memory
    unsigned lane_bytes;  // of each operand in the payload
};

void run_atomic(const MessageCall& call, const Place& place, const Layout& layout,
                const Atomic& atomic) {
    if (!place.usable()) return;
    const bool returns = call.field(13, 13);
    const unsigned sources = sources_of(atomic.op);
    for_each_channel(call.enabled & mask_of(layout.channels), [&](unsigned i) {
        const size_t lane = layout.data() + size_t{i} * atomic.lane_bytes;
        const size_t next = size_t{layout.channels} * atomic.lane_bytes;
        const uint64_t first = sources > 0 ? call.number(lane, atomic.lane_bytes) : 0;
        const uint64_t second = sources > 1 ? call.number(lane + next, atomic.lane_bytes) : 0;
        uint64_t old = 0;
        // Of two operands the first is what is compared with.
        if (std::byte* at = place.atomic(layout.address(call, i), atomic.bytes))
            old = atomic_update(at, atomic.bytes, atomic.op, sources > 1 ? second : first, first);
        if (returns) call.answer(size_t{i} * atomic.lane_bytes, &old, atomic.lane_bytes);
    });
}

bool take_integer_op(const MessageCall& call, AtomicOp* op) {
    const uint32_t code = call.field(11, 8);
    *op = AtomicOp(code);
    if (code != 0) return true;
    call.refuse("reserved atomic operation");
    return false;
}

bool take_float_op(const MessageCall& call, AtomicOp* op) {
    constexpr AtomicOp kOps[] = {AtomicOp{}, AtomicOp::kFloatMax, AtomicOp::kFloatMin,
                                 AtomicOp::kFloatCompareWrite, AtomicOp::kFloatAdd};
    const uint32_t code = call.field(10, 8);
    *op = code < std::size(kOps) ? kOps[code] : AtomicOp{};
    if (*op != AtomicOp{}) return true;
    call.refuse("reserved atomic operation");
    return false;
}

Layout indexed_layout(const MessageCall& call) {
    return {call.field(12, 12) ? 8u : 16u, 4, header_bytes(call)};
}
Layout address_layout(const MessageCall& call) {
    return {8, 8, header_bytes(call)};
}

void untyped_atomic(const MessageCall& call) {
    Atomic atomic{AtomicOp{}, 4, 4};
    if (take_integer_op(call, &atomic.op))
        run_atomic(call, Place::indexed(call), indexed_layout(call), atomic);
}
void untyped_float_atomic(const MessageCall& call) {
    Atomic atomic{AtomicOp{}, 4, 4};
    if (take_float_op(call, &atomic.op))
        run_atomic(call, Place::indexed(call), indexed_layout(call), atomic);
}
void a64_atomic(const MessageCall& call) {
    const unsigned bytes = call.field(12, 12) ? 8 : 4;
    Atomic atomic{AtomicOp{}, bytes, bytes};
    if (take_integer_op(call, &atomic.op))
        run_atomic(call, Place::flat(call), address_layout(call), atomic);
}
void a64_half_atomic(const MessageCall& call) {
    Atomic atomic{AtomicOp{}, 2, 4};
    if (take_integer_op(call, &atomic.op))
        run_atomic(call, Place::flat(call), address_layout(call), atomic);
}
void a64_float_atomic(const MessageCall& call) {
    Atomic atomic{AtomicOp{}, 4, 4};
    if (take_float_op(call, &atomic.op))
        run_atomic(call, Place::flat(call), address_layout(call), atomic);
}
void a64_half_float_atomic(const MessageCall& call) {
    Atomic atomic{AtomicOp{}, 2, 4};
    if (take_float_op(call, &atomic.op))
        run_atomic(call, Place::flat(call), address_layout(call), atomic);
}

void indexed_read(const MessageCall& call) {
    untyped_read(call, Place::indexed(call), 4);
}
void indexed_write(const MessageCall& call) {
    untyped_write(call, Place::indexed(call), 4);
}
void a64_read(const MessageCall& call) {
    untyped_read(call, Place::flat(call), 8);
}
void a64_write(const MessageCall& call) {
    untyped_write(call, Place::flat(call), 8);
}

// --- A64 scattered: an element of 1 to 8 bytes for each channel, dwords at least in the payload

struct Scattered {
    Layout layout;
    unsigned bytes;
    unsigned lane_bytes;
};

/// Subtype 0 counts elements of a byte, 1 of a dword, 2 of a qword (PRM volume 2d, "MDC_A64_DS").
bool take_scattered(const MessageCall& call, Scattered& shape) {
    const uint32_t subtype = call.field(9, 8), count = call.field(11, 10);
    shape.layout = {call.field(12, 12) ? 16u : 8u, 8, header_bytes(call)};
    shape.bytes = 1u << count;
    shape.lane_bytes = shape.bytes <= 4 ? 4 : 8;
    if (subtype == 0) return true;
    call.refuse("A64 scattered elements of other than bytes are not simulated");
    return false;
}

void a64_scattered_read(const MessageCall& call) {
    Scattered shape{};
    if (!take_scattered(call, shape)) return;
    const Place place = Place::flat(call);
    for_each_channel(call.enabled & mask_of(shape.layout.channels), [&](unsigned i) {
        uint64_t value = 0;
        place.read(shape.layout.address(call, i), &value, shape.bytes);
        call.answer(size_t{i} * shape.lane_bytes, &value, shape.lane_bytes);
    });
}

void a64_scattered_write(const MessageCall& call) {
    Scattered shape{};
    if (!take_scattered(call, shape)) return;
    const Place place = Place::flat(call);
    for_each_channel(call.enabled & mask_of(shape.layout.channels), [&](unsigned i) {
        const uint64_t value =
            call.number(shape.layout.data() + size_t{i} * shape.lane_bytes, shape.lane_bytes);
        place.write(shape.layout.address(call, i), &value, shape.bytes);
    });
}

// --- A64 blocks; the address is in the header's first two dwords

unsigned block_bytes(const MessageCall& call) {
    constexpr unsigned kOwords[8] = {1, 1, 2, 4, 8, 16, 0, 0};
    return 16 * kOwords[call.field(10, 8)];
}

void a64_block_read(const MessageCall& call) {
    const unsigned bytes = block_bytes(call);
    if (bytes == 0 || !call.header) return call.refuse("reserved block size, or no header");
    std::array<std::byte, 256> block;
    Place::flat(call).read_block(call.number(0, 8), block.data(), bytes);
    call.answer(0, block.data(), bytes);
}

void a64_block_write(const MessageCall& call) {
    const unsigned bytes = block_bytes(call);
    if (bytes == 0 || !call.header || call.payload.size() < call.grf + bytes)
        return call.refuse("reserved block size, no header, or a short payload");
    Place::flat(call).write_block(call.number(0, 8), call.payload.data() + call.grf, bytes);
}

constexpr MessageOp kIndexed[] = {
    {sfid::kDataCache1, 0x01, "hdc1 untyped read", indexed_read},
    {sfid::kDataCache1, 0x02, "hdc1 untyped atomic", untyped_atomic},
    {sfid::kDataCache1, 0x09, "hdc1 untyped write", indexed_write},
    {sfid::kDataCache1, 0x1b, "hdc1 untyped float atomic", untyped_float_atomic},
};
constexpr MessageOp kByAddress[] = {
    {sfid::kDataCache1, 0x10, "hdc1 a64 scattered read", a64_scattered_read},
    {sfid::kDataCache1, 0x11, "hdc1 a64 untyped read", a64_read},
    {sfid::kDataCache1, 0x12, "hdc1 a64 atomic", a64_atomic},
    {sfid::kDataCache1, 0x13, "hdc1 a64 half atomic", a64_half_atomic},
    {sfid::kDataCache1, 0x14, "hdc1 a64 block read", a64_block_read},
    {sfid::kDataCache1, 0x15, "hdc1 a64 block write", a64_block_write},
    {sfid::kDataCache1, 0x19, "hdc1 a64 untyped write", a64_write},
    {sfid::kDataCache1, 0x1a, "hdc1 a64 scattered write", a64_scattered_write},
    {sfid::kDataCache1, 0x1d, "hdc1 a64 float atomic", a64_float_atomic},
    {sfid::kDataCache1, 0x1e, "hdc1 a64 half float atomic", a64_half_float_atomic},
};

}  // namespace

std::span<const MessageOp> untyped_messages() {
    return kIndexed;
}
std::span<const MessageOp> a64_messages() {
    return kByAddress;
}

}  // namespace simgpu::intel::eu
