// MUBUF: untyped accesses through buffer descriptors.
#include "simgpu/amd/gfx9/memory/buffer_address.h"

namespace simgpu::gfx9 {

namespace {

// Instruction word 0, MUBUF and MTBUF alike.
bool offset_enabled(const Instruction& in) {
    return in.words[0] >> 12 & 1;
}
bool index_enabled(const Instruction& in) {
    return in.words[0] >> 13 & 1;
}

struct Place {
    uint32_t index;
    uint32_t offset;  // without the scalar offset; wraps, and compilers rely on that
};

// VADDR holds the index, the offset, or both in this order.
Place place_of(const Wave& w, const Instruction& in, const BufferResource& r, unsigned lane) {
    const bool idxen = index_enabled(in), offen = offset_enabled(in);
    Place place{0, static_cast<uint32_t>(in.imm)};
    if (idxen) place.index = w.v[in.vaddr].lane[lane];
    if (offen) place.offset += w.v[in.vaddr + (idxen ? 1 : 0)].lane[lane];
    if (r.adds_thread_id()) place.index += lane;
    return place;
}

// Swizzled buffers interleave `index_stride` records by dwords.
uint64_t swizzled_offset(const BufferResource& r, const Place& place) {
    const uint64_t index_stride = r.index_stride();
    const uint64_t group = place.index / index_stride, member = place.index % index_stride;
    return (group * r.stride() + (place.offset & ~3u)) * index_stride + member * 4 +
           place.offset % 4;
}

}  // namespace

BufferResource buffer_resource(const Wave& w, const Instruction& in) {
    return BufferResource(&w.s[in.saddr]);
}

// NUM_RECORDS counts records if the buffer has a stride and the instruction an index, or the buffer
// is a ring whose records are the lanes'; else bytes.
void buffer_addresses(const Wave& w, const Instruction& in, unsigned bytes, RangeCheck check,
                      VmemRequest& request) {
    const BufferResource r = buffer_resource(w, in);
    const uint32_t soffset = read_scalar32(w, in.src[0]);
    const bool by_lane = r.swizzled() && r.adds_thread_id();
    const bool by_record = (index_enabled(in) || by_lane) && r.stride() != 0;
    request.active = w.exec();
    request.dword_stride = r.swizzled() ? 4 * r.index_stride() : 4;
    for_each_lane(request.active, [&](unsigned lane) {
        const Place place = place_of(w, in, r, lane);
        const uint64_t linear = uint64_t{place.index} * r.stride() + place.offset;
        const uint64_t inside = r.swizzled() ? swizzled_offset(r, place) : linear;
        request.addresses.lane[lane] = r.base() + soffset + inside;
        const uint64_t bit = uint64_t{1} << lane;
        if (by_record) {
            const bool fits =
                place.index < r.num_records() && (!r.swizzled() || place.offset < r.stride());
            for (uint64_t& mask : request.in_range) mask |= fits ? bit : 0;
            return;
        }
        const uint64_t start = uint64_t{place.offset} + soffset;
        for (unsigned i = 0; i < 4; i++) {
            uint64_t end = start + bytes;
            if (check == RangeCheck::kPerDword && bytes > 4) end = start + 4 * (i + 1);
            if (end <= r.num_records()) request.in_range[i] |= bit;
        }
    });
}

void execute_mubuf(Wave& w, const Instruction& in) {
    VmemRequest request;
    buffer_addresses(w, in, in.vmem->bytes, RangeCheck::kPerDword, request);
    in.vmem->access(w, in, request);
}

}  // namespace simgpu::gfx9
