// Data port 0 and the constant cache: blocks, and elements of a byte to a dword.
#include <algorithm>

#include "simgpu/intel/eu/messages/place.h"

namespace simgpu::intel::eu {

namespace {

/// Bytes of a block by the "Data Blocks" field (PRM volume 2d, "MDC_DB_OW"): 1 to 16 OWords.
unsigned block_bytes(const MessageCall& call) {
    constexpr unsigned kOwords[8] = {1, 1, 2, 4, 8, 16, 0, 0};
    return 16 * kOwords[call.field(10, 8)];
}

/// Stateless messages add the header's buffer base address.
uint64_t header_base(const MessageCall& call) {
    const uint32_t index = call.field(7, 0);
    const bool stateless = index == 255 || index == 253;
    return stateless && call.header ? call.header_dword(5) & ~0x3ffu : 0;
}

bool needs_header(const MessageCall& call) {
    if (!call.header) call.refuse("it needs a header");
    return call.header;
}

/// `unit`: bytes that the offset counts in.
void read_block(const MessageCall& call, unsigned unit) {
    const unsigned bytes = block_bytes(call);
    if (bytes == 0) return call.refuse("reserved block size");
    const Place place = Place::indexed(call);
    if (!needs_header(call) || !place.usable()) return;
    std::array<std::byte, 256> block;
    place.read_block(header_base(call) + uint64_t{call.header_dword(2)} * unit, block.data(),
                     bytes);
    call.answer(0, block.data(), bytes);
}

void oword_block_read(const MessageCall& call) {
    read_block(call, 16);
}
void unaligned_oword_block_read(const MessageCall& call) {
    read_block(call, 1);
}

void oword_block_write(const MessageCall& call) {
    const unsigned bytes = block_bytes(call);
    if (bytes == 0) return call.refuse("reserved block size");
    const Place place = Place::indexed(call);
    if (!needs_header(call) || !place.usable()) return;
    if (call.payload.size() < call.grf + bytes) return call.refuse("its payload is too short");
    place.write_block(header_base(call) + uint64_t{call.header_dword(2)} * 16,
                      call.payload.data() + call.grf, bytes);
}

/// Elements of `bytes`, each in a dword of the payload or response.
struct Scattered {
    unsigned channels;
    unsigned bytes;
    unsigned unit;  // of the offsets
};

Scattered byte_scattered(const MessageCall& call) {
    return {call.field(8, 8) ? 16u : 8u, 1u << std::min(call.field(11, 10), 2u), 1};
}
Scattered dword_scattered(const MessageCall& call) {
    return {call.field(8, 8) ? 16u : 8u, 4, 4};
}

uint64_t scattered_offset(const MessageCall& call, const Scattered& shape, unsigned channel) {
    const size_t first = call.header ? call.grf : 0;
    return header_base(call) + uint64_t{call.dword(first + 4 * channel)} * shape.unit;
}

void read_scattered(const MessageCall& call, const Scattered& shape) {
    const Place place = Place::indexed(call);
    if (!place.usable()) return;
    for_each_channel(call.enabled & mask_of(shape.channels), [&](unsigned i) {
        uint32_t value = 0;
        place.read(scattered_offset(call, shape, i), &value, shape.bytes);
        call.answer(4 * i, &value, 4);
    });
}

void write_scattered(const MessageCall& call, const Scattered& shape) {
    const Place place = Place::indexed(call);
    if (!place.usable()) return;
    const size_t data = (call.header ? call.grf : 0) + 4 * shape.channels;
    for_each_channel(call.enabled & mask_of(shape.channels), [&](unsigned i) {
        const uint32_t value = call.dword(data + 4 * i);
        place.write(scattered_offset(call, shape, i), &value, shape.bytes);
    });
}

void byte_scattered_read(const MessageCall& call) {
    read_scattered(call, byte_scattered(call));
}
void byte_scattered_write(const MessageCall& call) {
    write_scattered(call, byte_scattered(call));
}
void dword_scattered_read(const MessageCall& call) {
    read_scattered(call, dword_scattered(call));
}
void dword_scattered_write(const MessageCall& call) {
    write_scattered(call, dword_scattered(call));
}

constexpr MessageOp kDataCacheOps[] = {
    {sfid::kConstantCache, 0x00, "constant oword block read", oword_block_read},
    {sfid::kConstantCache, 0x01, "constant unaligned block read", unaligned_oword_block_read},
    {sfid::kDataCache0, 0x00, "hdc0 oword block read", oword_block_read},
    {sfid::kDataCache0, 0x01, "hdc0 unaligned block read", unaligned_oword_block_read},
    {sfid::kDataCache0, 0x03, "hdc0 dword scattered read", dword_scattered_read},
    {sfid::kDataCache0, 0x04, "hdc0 byte scattered read", byte_scattered_read},
    {sfid::kDataCache0, 0x07, "hdc0 fence", fence},
    {sfid::kDataCache0, 0x08, "hdc0 oword block write", oword_block_write},
    {sfid::kDataCache0, 0x0b, "hdc0 dword scattered write", dword_scattered_write},
    {sfid::kDataCache0, 0x0c, "hdc0 byte scattered write", byte_scattered_write},
};

}  // namespace

std::span<const MessageOp> data_cache_messages() {
    return kDataCacheOps;
}

}  // namespace simgpu::intel::eu
